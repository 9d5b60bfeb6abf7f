/**
 * `siglip`: SigLIP's and SigLIP 2's vision encoder. Options are the keys of its `config.json`, vision part or whole.
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import { createSiglip, parseSiglipOptions, type SiglipOptions } from "../encoders/siglip.ts";

/** SigLIP's vision encoder. */
const plugin: Plugin<"encoder", SiglipOptions> = {
  contract: 1,
  kind: "encoder",
  name: "siglip",
  summary: "SigLIP's vision transformer; minimind-3v takes base p32 at 256 pixels: 64 features of width 768",
  parseOptions: parseSiglipOptions,
  create: createSiglip,
};

export default plugin;
