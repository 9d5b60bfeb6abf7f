/**
 * `clip`: CLIP's vision encoder. Options are the keys of its `config.json`, vision part or whole.
 *
 * The shortest form a plugin can have: the part's own module already reads options and makes the part, so that the
 * manifest only gives them a name. A third party's manifest looks the same, whatever package it lives in.
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import { type ClipOptions, createClip, parseClipOptions } from "../encoders/clip.ts";

// A plain object with its type written out: a helper function around it would leave the type to be inferred, which
// the JSR registry refuses for a public symbol.
/** CLIP's vision encoder. */
const plugin: Plugin<"encoder", ClipOptions> = {
  contract: 1,
  kind: "encoder",
  name: "clip",
  summary: "CLIP's vision transformer; MiniMind2-V takes B/16 at 224 pixels: 196 features of width 768",
  // Hugging Face's keys and defaults: a downloaded config.json can stand in a config as it is.
  parseOptions: parseClipOptions,
  create: createClip,
};

export default plugin;
