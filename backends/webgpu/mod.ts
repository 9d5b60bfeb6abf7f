/**
 * WebGPU backend: kernels in WGSL, weights in buffers, a program as one submission.
 *
 * @module
 */
import { WebGpuBackend } from "./backend.ts";
import { openDevice, type WebGpuDevice } from "./device.ts";

export { type DeviceCounts, WebGpuBackend } from "./backend.ts";
export {
  type AdapterReport,
  describeAdapter,
  findAdapter,
  openDevice,
  type WebGpuDevice,
  withoutWebGpu,
} from "./device.ts";

export { findFault } from "./find_fault.ts";

/** Options of {@link createWebGpuBackend}. */
export interface WebGpuOptions {
  /** A device to share, which outlives the backend. Default one of its own. */
  readonly device?: WebGpuDevice | undefined;
  /** The adapter that its own device is of. Default the one that WebGPU prefers here. */
  readonly adapter?: GPUAdapter | undefined;
}

/**
 * Creates the backend on the device that WebGPU prefers here, or on one that is given.
 *
 * @throws {Error} if there is none, with the reason
 */
export async function createWebGpuBackend({ device, adapter }: WebGpuOptions = {}): Promise<WebGpuBackend> {
  return new WebGpuBackend(device ?? await openDevice(adapter), { shared: device !== undefined });
}
