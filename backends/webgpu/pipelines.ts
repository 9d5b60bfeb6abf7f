/**
 * Compiled shaders by their text.
 *
 * @module
 */
import type { Dispatch } from "./kernel.ts";

/** A compiled shader and what has to be bound to it. */
export interface Pipeline {
  /** The pipeline. */
  readonly pipeline: GPUComputePipeline;
  /** The layout of its only bind group. */
  readonly layout: GPUBindGroupLayout;
}

/** Compiles each text once. */
export class Pipelines {
  readonly #device: GPUDevice;
  readonly #known = new Map<string, Pipeline>();

  /** Pipelines of a device. */
  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** How many there are. */
  get count(): number {
    return this.#known.size;
  }

  /** The pipeline of a dispatch, compiled when first asked for. */
  of(dispatch: Dispatch): Pipeline {
    const known = this.#known.get(dispatch.source);
    if (known !== undefined) return known;
    const layout = this.#device.createBindGroupLayout({ entries: entriesOf(dispatch) });
    const pipeline = this.#device.createComputePipeline({
      layout: this.#device.createPipelineLayout({ bindGroupLayouts: [layout] }),
      compute: { module: this.#device.createShaderModule({ code: dispatch.source }), entryPoint: "main" },
    });
    const made = { pipeline, layout };
    this.#known.set(dispatch.source, made);
    return made;
  }
}

function entriesOf({ bindings }: Dispatch): GPUBindGroupLayoutEntry[] {
  const own = bindings.map(({ writable }) => writable ? "storage" : "read-only-storage");
  const types: readonly GPUBufferBindingType[] = [...own, "uniform"];
  return types.map((type, binding) => ({ binding, visibility: GPUShaderStage.COMPUTE, buffer: { type } }));
}
