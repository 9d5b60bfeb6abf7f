/**
 * WebGPU backend: kernels in WGSL, weights in buffers, a program as one submission.
 *
 * @module
 */
import { WebGpuBackend, type WeightType } from "./backend.ts";
import { openDevice, type WebGpuDevice } from "./device.ts";

export { type DeviceCounts, WebGpuBackend, type WeightType } from "./backend.ts";
export {
  type AdapterReport,
  describeAdapter,
  findAdapter,
  openDevice,
  type WebGpuDevice,
  withoutWebGpu,
} from "./device.ts";

export { type FaultOptions, findFault } from "./find_fault.ts";

/** Options of {@link createWebGpuBackend}. */
export interface WebGpuOptions {
  /** A device to share, which outlives the backend. Default one of its own. */
  readonly device?: WebGpuDevice | undefined;
  /** The adapter that its own device is of. Default the one that WebGPU prefers here. */
  readonly adapter?: GPUAdapter | undefined;
  /**
   * Type that `bindWeights` holds matrices in. `f16` halves what a model takes and what a token reads, and rounds its
   * weights, which sums in f32 go over. Default `f32`.
   */
  readonly weights?: WeightType | undefined;
  /** A reason not to use f16 where the adapter has it. */
  readonly withoutHalves?: string | undefined;
  /**
   * Whether programs are made shorter where the numbers stay the same. Default true; without it every kernel runs by
   * itself, to find the one that is wrong.
   */
  readonly rewrite?: boolean | undefined;
}

/**
 * Creates the backend on the device that WebGPU prefers here, or on one that is given.
 *
 * @throws {Error} if there is none, or it has no f16 and weights are to be held in it, with the reason
 */
export async function createWebGpuBackend(options: WebGpuOptions = {}): Promise<WebGpuBackend> {
  const { device, adapter, weights = "f32", rewrite = true } = options;
  const gpu = device ?? await openDevice(adapter);
  const withoutHalves = gpu.withoutHalves ?? options.withoutHalves;
  if (weights === "f32" || withoutHalves === undefined) {
    return new WebGpuBackend(gpu, { shared: device !== undefined, weights, withoutHalves, rewrite });
  }
  if (device === undefined) gpu[Symbol.dispose]();
  throw new Error(`Cannot create backend "webgpu" with weights in f16: ${withoutHalves}`);
}
