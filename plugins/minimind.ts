/**
 * `minimind`: the MiniMind decoder of both generations. Options are the keys of upstream's `config.json`; `generation`
 * (2 or 3) decides the defaults of the others.
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import { createMiniMind, type MiniMindOptions, parseMiniMindOptions } from "../decoders/minimind/mod.ts";

/** The MiniMind decoder. */
const plugin: Plugin<"decoder", MiniMindOptions> = {
  contract: 1,
  kind: "decoder",
  name: "minimind",
  summary: "MiniMind 2 and 3, dense or mixture of experts",
  parseOptions: parseMiniMindOptions,
  create: createMiniMind,
};

export default plugin;
