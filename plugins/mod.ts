/**
 * The plugins that a config may name without saying where they are.
 *
 * Each file here is one, and the name of the file is its name in a config. To add your own, write such a file anywhere
 * and give its path or URL in place of a name; `examples/custom_encoder` shows one from start to end.
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import { Registry } from "../core/registry.ts";
import auto from "./auto.ts";
import clip from "./clip.ts";
import hono from "./hono.ts";
import linear from "./linear.ts";
import minimind from "./minimind.ts";
import mlp from "./mlp.ts";
import onnx from "./onnx.ts";
import reference from "./reference.ts";
import siglip from "./siglip.ts";
import tiny from "./tiny.ts";
import transformers from "./transformers.ts";
import wasm from "./wasm.ts";
import webgpu from "./webgpu.ts";

export { buildModel, type BuildOptions, type BuiltModel } from "./build_model.ts";

/** All of them, the ones that released models use first within each kind. */
export const builtins: readonly Plugin[] = [
  clip,
  siglip,
  tiny,
  onnx,
  transformers,
  linear,
  mlp,
  minimind,
  wasm,
  webgpu,
  auto,
  reference,
  hono,
];

/**
 * A registry that holds the built-in plugins, to which a program adds its own.
 *
 * @example A plugin object from code
 * ```ts ignore
 * const registry = createRegistry();
 * registry.register(myEncoder);
 * ```
 */
export function createRegistry(): Registry {
  return new Registry(builtins);
}
