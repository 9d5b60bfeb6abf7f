/**
 * `webgpu`: WGSL kernels on the graphics processor. It has no options.
 *
 * @module
 */
import type { WebGpuBackend } from "../backends/webgpu/mod.ts";
import type { Plugin } from "../core/plugin.ts";
import { noOptions } from "./option_fields.ts";

/** The graphics processor. */
const plugin: Plugin<"backend", void> = {
  contract: 1,
  kind: "backend",
  name: "webgpu",
  summary: "WGSL kernels on the graphics processor",
  unsupported: () => globalThis.navigator?.gpu === undefined ? "there is no WebGPU here" : undefined,
  parseOptions: noOptions("webgpu"),
  async create(_, { notice }) {
    const backend = await createTested();
    if (backend.report.software) notice(`webgpu runs on ${backend.report.description}, in software: wasm is faster`);
    return backend;
  },
};

/**
 * The backend, once it has computed what is known, on an adapter or on the one that WebGPU prefers here.
 *
 * @throws {Error} if there is no device, or it computes something else
 */
export async function createTested(adapter?: GPUAdapter): Promise<WebGpuBackend> {
  const { createWebGpuBackend, findFault } = await import("../backends/webgpu/mod.ts");
  const backend = await createWebGpuBackend({ adapter });
  const fault = await findFault(backend).catch((error: Error) => error.message);
  if (fault === undefined) return backend;
  await backend[Symbol.asyncDispose]();
  throw new Error(`Cannot use backend "webgpu": ${fault}`);
}

export default plugin;
