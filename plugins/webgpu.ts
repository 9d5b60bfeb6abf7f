/**
 * `webgpu`: WGSL kernels on the graphics processor. Options: `weights` (`f32` by default, or `f16`: matrices take half
 * the memory, their numbers are rounded, sums stay f32).
 *
 * @module
 */
import type { WebGpuBackend, WebGpuOptions, WeightType } from "../backends/webgpu/mod.ts";
import type { Plugin } from "../core/plugin.ts";
import { OptionFields } from "./option_fields.ts";

/** Options of the `webgpu` backend in a config. */
export interface WebGpuPluginOptions {
  /** Type that matrices are held in. Default `f32`. */
  readonly weights?: WeightType | undefined;
}

/** The graphics processor. */
const plugin: Plugin<"backend", WebGpuPluginOptions> = {
  contract: 1,
  kind: "backend",
  name: "webgpu",
  summary: "WGSL kernels on the graphics processor",
  unsupported: () => globalThis.navigator?.gpu === undefined ? "there is no WebGPU here" : undefined,
  parseOptions(input): WebGpuPluginOptions {
    const fields = new OptionFields(input, { what: "options of webgpu", keys: ["weights"] });
    return { weights: fields.choice("weights", ["f32", "f16"] as const, "f32") };
  },
  async create(options, { notice }) {
    const backend = await createTested(options);
    if (backend.report.software) notice(`webgpu runs on ${backend.report.description}, in software: wasm is faster`);
    return backend;
  },
};

/**
 * The backend, once it has computed what is known, on an adapter or on the one that WebGPU prefers here; without f16
 * where that alone is wrong.
 *
 * @throws {Error} if there is no device, or it computes something else, or f16 is asked for and wrong or missing
 */
export async function createTested(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const { createWebGpuBackend, findFault } = await import("../backends/webgpu/mod.ts");
  const backend = await createWebGpuBackend(options);
  const test = (type: WeightType) => findFault(backend, { type }).catch((error: Error) => error.message);
  const fault = await test("f32");
  const halfFault = fault === undefined && backend.capabilities.f16 ? await test("f16") : undefined;
  if (fault === undefined && halfFault === undefined) return backend;
  await backend[Symbol.asyncDispose]();
  if (fault !== undefined) throw new Error(`Cannot use backend "webgpu": ${fault}`);
  // On a new device, for one that was told what it cannot do may not be used any more.
  return await createWebGpuBackend({ ...options, adapter: undefined, withoutHalves: halfFault });
}

export default plugin;
