/**
 * The device: its adapter, what it can do, and how it is lost.
 *
 * @module
 */
import { DeviceHealth } from "./health.ts";
import { Pipelines } from "./pipelines.ts";

/** What the adapter says of itself. */
export interface AdapterReport {
  /** What there is to call it by, as far as it tells. */
  readonly description: string;
  /** Whether it computes on the processor. */
  readonly software: boolean;
  /** Features that kernels could use. */
  readonly features: readonly GPUFeatureName[];
  /** Limits that decide what fits, by name. */
  readonly limits: Readonly<Record<LimitName, number>>;
}

/** Name of a limit that decides what fits. */
export type LimitName =
  | "maxBufferSize"
  | "maxStorageBufferBindingSize"
  | "maxComputeWorkgroupsPerDimension"
  | "maxComputeInvocationsPerWorkgroup"
  | "maxComputeWorkgroupStorageSize"
  | "maxStorageBuffersPerShaderStage";

/** Limits that are asked of the device as high as the adapter has them. */
const wantedLimits: readonly LimitName[] = [
  "maxBufferSize",
  "maxStorageBufferBindingSize",
  "maxComputeWorkgroupsPerDimension",
  "maxComputeInvocationsPerWorkgroup",
  "maxComputeWorkgroupStorageSize",
  "maxStorageBuffersPerShaderStage",
];

/** Features that kernels could use; the rest is for drawing. */
const wantedFeatures = ["shader-f16", "subgroups", "timestamp-query"] as const;

/** Why there is no WebGPU at all in this runtime; undefined where it has the interface, which need not mean a device. */
export function withoutWebGpu(): string | undefined {
  return globalThis.navigator?.gpu === undefined ? "this runtime has no WebGPU" : undefined;
}

/** The adapter that is chosen here, or why there is none. */
export async function findAdapter(): Promise<GPUAdapter | string> {
  const missing = withoutWebGpu();
  if (missing !== undefined) return missing;
  try {
    const adapter = await navigator.gpu.requestAdapter({ powerPreference: "high-performance" });
    return adapter ?? "WebGPU finds no adapter (on Debian, mesa-vulkan-drivers gives one in software)";
  } catch (error) {
    return `WebGPU gives no adapter: ${error instanceof Error ? error.message : error}`;
  }
}

/** What an adapter says of itself. */
export function describeAdapter({ info, features, limits }: GPUAdapter): AdapterReport {
  const parts = [info.description, info.vendor, info.architecture, info.device];
  return {
    description: parts.find((part) => part !== "") ?? "an adapter without a name",
    software: info.isFallbackAdapter ?? false,
    features: wantedFeatures.filter((feature) => features.has(feature)),
    limits: Object.fromEntries(wantedLimits.map((name) => [name, limits[name]])) as AdapterReport["limits"],
  };
}

/** A device with what was compiled for it; backends may share it. */
export class WebGpuDevice implements Disposable {
  /** The device itself. */
  readonly device: GPUDevice;
  /** What its adapter says of itself. */
  readonly report: AdapterReport;
  /** What was compiled. */
  readonly pipelines: Pipelines;
  /** Whether it still works. */
  readonly health: DeviceHealth;
  /** Why f16 cannot be used; undefined where it can. */
  readonly withoutHalves: string | undefined;

  /** Use {@link openDevice}. */
  constructor(device: GPUDevice, report: AdapterReport) {
    this.device = device;
    this.report = report;
    this.pipelines = new Pipelines(device);
    this.health = new DeviceHealth(device);
    this.withoutHalves = device.features.has("shader-f16") ? undefined : "the adapter has no shader-f16";
  }

  /** Gives it back with all that lies on it. */
  [Symbol.dispose](): void {
    this.health.end();
    this.device.destroy();
  }
}

/**
 * Opens the device of an adapter, by default of the one that WebGPU prefers here, with all that it has.
 *
 * @throws {Error} if there is none, with the reason
 */
export async function openDevice(chosen?: GPUAdapter): Promise<WebGpuDevice> {
  const adapter = chosen ?? await findAdapter();
  if (typeof adapter === "string") throw new Error(`Cannot create backend "webgpu": ${adapter}`);
  const report = describeAdapter(adapter);
  const device = await adapter.requestDevice({
    requiredLimits: { ...report.limits },
    requiredFeatures: report.features.filter((feature) => feature === "shader-f16"),
  });
  return new WebGpuDevice(device, report);
}
