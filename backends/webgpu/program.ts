/**
 * A plan on a device: an arena, and dispatches whose pipelines and bindings are made once.
 *
 * @module
 */
import type { HostData, Program, Storages } from "../../core/backend.ts";
import type { Plan } from "../../core/graph/plan.ts";
import type { Tensor } from "../../core/graph/tensor.ts";
import { checkStorages, checkWrite, findTensor } from "../../core/storages.ts";
import type { Dispatch, Place } from "./kernel.ts";
import { lower } from "./lower.ts";
import { type Numbers, numbersOf, type Reader, storageBytes, WebGpuStorage } from "./memory.ts";
import type { Pipelines } from "./pipelines.ts";

/** What a program needs of its backend. */
export interface ProgramHost {
  /** The device. */
  readonly device: GPUDevice;
  /** Whether it computes on the processor. */
  readonly software: boolean;
  /** Whether dispatches are merged where they can be. */
  readonly rewrite: boolean;
  /** Compiled shaders. */
  readonly pipelines: Pipelines;
  /** Copies numbers to the host. */
  readonly read: (numbers: Numbers) => Promise<HostData>;
  /** Copies to the host what commands collect. */
  readonly collect: Reader["collect"];
  /** Hands commands of so many dispatches to the device. */
  readonly submit: (commands: GPUCommandBuffer, dispatches: number) => void;
  /** Told when the program is disposed. */
  readonly forget: () => void;
}

/** A dispatch that is ready. */
interface Step {
  readonly pipeline: GPUComputePipeline;
  readonly group: GPUBindGroup;
  readonly groups: readonly [number, number, number];
}

/** Replays dispatches: one command buffer and one submission a run. */
export class WebGpuProgram implements Program {
  /** The plan it runs. */
  readonly plan: Plan;
  readonly #host: ProgramHost;
  readonly #storages: ReadonlyMap<string, WebGpuStorage>;
  readonly #arena: GPUBuffer;
  readonly #parameters: GPUBuffer;
  #steps: readonly Step[] | undefined;

  /** Makes all that a run needs. */
  constructor(plan: Plan, storages: Storages, host: ProgramHost) {
    const { device } = host;
    this.plan = plan;
    this.#host = host;
    this.#storages = checkStorages(plan, storages, (storage) => storage instanceof WebGpuStorage);
    const { dispatches, arenaBytes } = lower(plan, {
      placeOf: (tensor) => this.#place(tensor),
      typeOf: ({ base, dtype }) => this.#storages.get(base.name)?.spec.dtype ?? dtype,
      limits: device.limits,
      software: host.software,
      rewrite: host.rewrite,
    });
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    this.#arena = device.createBuffer({ label: "arena", size: arenaBytes, usage });
    const { buffer, offsets } = writeParameters(device, dispatches);
    this.#parameters = buffer;
    this.#steps = dispatches.map((dispatch, i) => this.#prepare(dispatch, offsets[i]!));
  }

  /** Bytes that it takes on the device. */
  get bytes(): number {
    return this.#arena.size + this.#parameters.size;
  }

  /** Sets an input, all of it. */
  write(input: string, data: HostData): void {
    const tensor = findTensor(this.plan.inputs, input, "input");
    checkWrite(tensor, data, { offset: 0, whole: true });
    const { buffer, offset } = this.#locate(tensor);
    this.#host.device.queue.writeBuffer(buffer, offset, data as HostData & ArrayBufferView<ArrayBuffer>);
  }

  /** Submits every dispatch once. */
  run(): void {
    const encoder = this.#host.device.createCommandEncoder();
    const dispatches = this.#encode(encoder);
    this.#host.submit(encoder.finish(), dispatches);
  }

  /** Submits every dispatch `times` over at once, and an output's copies with them. */
  async runAhead(times: number, output: string): Promise<readonly HostData[]> {
    const spec = findTensor(this.plan.outputs, output, "output");
    const { buffer, offset } = this.#locate(spec);
    const bytes = storageBytes(spec);
    const copies = await this.#host.collect(times * bytes, (staging) => {
      const encoder = this.#host.device.createCommandEncoder();
      let dispatches = 0;
      for (let i = 0; i < times; i++) {
        dispatches += this.#encode(encoder);
        encoder.copyBufferToBuffer(buffer, offset, staging, i * bytes, bytes);
      }
      this.#host.submit(encoder.finish(), dispatches);
    });
    return Array.from({ length: times }, (_, i) => numbersOf(copies, spec, i * bytes));
  }

  /** Copies an output. */
  async read(output: string): Promise<HostData> {
    const spec = findTensor(this.plan.outputs, output, "output");
    return await this.#host.read({ ...this.#locate(spec), spec });
  }

  /** Gives the arena back; storages stay. */
  [Symbol.dispose](): void {
    if (this.#steps === undefined) return;
    this.#steps = undefined;
    this.#arena.destroy();
    this.#parameters.destroy();
    this.#host.forget();
  }

  /** Has every dispatch encoded once and tells how many there are. */
  #encode(encoder: GPUCommandEncoder): number {
    if (this.#steps === undefined) throw new Error('Cannot run "program": it was disposed');
    const pass = encoder.beginComputePass();
    let current: GPUComputePipeline | undefined;
    for (const { pipeline, group, groups } of this.#steps) {
      if (pipeline !== current) pass.setPipeline(pipeline);
      current = pipeline;
      pass.setBindGroup(0, group);
      pass.dispatchWorkgroups(...groups);
    }
    pass.end();
    return this.#steps.length;
  }

  #place({ base }: Tensor): Place {
    const offset = this.plan.offsets.get(base.id);
    if (offset !== undefined) return { buffer: "arena", offset };
    return this.#storages.get(base.name)!.region;
  }

  #locate(tensor: Tensor): { buffer: GPUBuffer; offset: number } {
    const { buffer, offset } = this.#place(tensor);
    return { buffer: buffer === "arena" ? this.#arena : buffer, offset };
  }

  #prepare(dispatch: Dispatch, parameters: number): Step {
    const { pipeline, layout } = this.#host.pipelines.of(dispatch);
    const entries: GPUBindGroupEntry[] = dispatch.bindings.map(({ value }, binding) => {
      const { place } = value;
      const buffer = place.buffer === "arena" ? this.#arena : place.buffer;
      return { binding, resource: { buffer, offset: place.offset, size: storageBytes(value) } };
    });
    const size = dispatch.parameters.byteLength;
    entries.push({ binding: entries.length, resource: { buffer: this.#parameters, offset: parameters, size } });
    return { pipeline, group: this.#host.device.createBindGroup({ layout, entries }), groups: dispatch.groups };
  }
}

/** Writes the parameters of all dispatches into one buffer, equal ones once. */
function writeParameters(device: GPUDevice, dispatches: readonly Dispatch[]): { buffer: GPUBuffer; offsets: number[] } {
  const step = device.limits.minUniformBufferOffsetAlignment;
  const known = new Map<string, number>();
  let end = 0;
  const offsets = dispatches.map(({ parameters }) => {
    const key = parameters.join();
    const offset = known.get(key) ?? end;
    known.set(key, offset);
    if (offset === end) end += Math.ceil(parameters.byteLength / step) * step;
    return offset;
  });
  const buffer = device.createBuffer({
    label: "parameters",
    size: Math.max(end, 16),
    usage: GPUBufferUsage.UNIFORM | GPUBufferUsage.COPY_DST,
  });
  dispatches.forEach(({ parameters }, i) => {
    device.queue.writeBuffer(buffer, offsets[i]!, parameters);
  });
  return { buffer, offsets };
}
