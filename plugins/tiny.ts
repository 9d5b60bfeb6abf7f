/**
 * `tiny`: a small vision transformer behind a stem of convolutions. Options are the keys of its `config.json`.
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import { createTiny, parseTinyOptions, type TinyOptions } from "../encoders/tiny.ts";

/** A small vision transformer. */
const plugin: Plugin<"encoder", TinyOptions> = {
  contract: 1,
  kind: "encoder",
  name: "tiny",
  summary: "A small vision transformer behind convolutions; the demo model's eyes: 144 pixels, 36 features",
  parseOptions: parseTinyOptions,
  create: createTiny,
};

export default plugin;
