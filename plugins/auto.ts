/**
 * `auto`: `webgpu` where there is a graphics processor that computes right, else `wasm`. It has wasm's options.
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import wasm, { type WasmPluginOptions } from "./wasm.ts";
import { createTested } from "./webgpu.ts";

/** The faster of those that work. */
const plugin: Plugin<"backend", WasmPluginOptions> = {
  contract: 1,
  kind: "backend",
  name: "auto",
  summary: "webgpu on a graphics processor that computes right, else wasm",
  parseOptions: wasm.parseOptions,
  async create(options, context) {
    let reason: string;
    try {
      const backend = await createTested();
      const { software, description } = backend.report;
      if (!software) return backend;
      await backend[Symbol.asyncDispose]();
      reason = `${description} computes in software`;
    } catch (error) {
      reason = error instanceof Error ? error.message : String(error);
    }
    context.notice(`running on wasm: ${reason}`);
    return await wasm.create(options, context);
  },
};

export default plugin;
