/**
 * The WebGPU backend: kernels in WGSL over buffers of one device, f32 but for weights that may be halves.
 *
 * @module
 */
import type { Backend, Capabilities, HostData, Program, Storage, Storages } from "../../core/backend.ts";
import type { Plan } from "../../core/graph/plan.ts";
import type { StorageSpec } from "../../core/graph/tensor.ts";
import { checkProducts, checkWrite } from "../../core/storages.ts";
import { narrowFloat16 } from "../../data/narrow_floats.ts";
import type { AdapterReport, WebGpuDevice } from "./device.ts";
import { type Numbers, Reader, storageBytes, WebGpuStorage } from "./memory.ts";
import { WebGpuProgram } from "./program.ts";
import { Slabs } from "./slabs.ts";

/** What a backend has done so far. */
export interface DeviceCounts {
  /** Runs handed to the device, each one command buffer. */
  submissions: number;
  /** Shaders started by them. */
  dispatches: number;
  /** Copies to the host. */
  reads: number;
}

/** Type that a model's matrices are held in. */
export type WeightType = "f32" | "f16";

/** Memory and kernels of a graphics processor, or of a software adapter. */
export class WebGpuBackend implements Backend {
  /** Name a config uses. */
  readonly name = "webgpu";
  /** What was done so far. */
  readonly counts: DeviceCounts = { submissions: 0, dispatches: 0, reads: 0 };
  /** Why f16 cannot be used; undefined where it can. */
  readonly withoutHalves: string | undefined;
  readonly #gpu: WebGpuDevice;
  readonly #shared: boolean;
  readonly #weights: WeightType;
  readonly #rewrite: boolean;
  readonly #reader: Reader;
  readonly #slabs: Slabs;
  /** What lies on the device. */
  readonly #storages = new Set<WebGpuStorage>();
  readonly #programs = new Set<WebGpuProgram>();

  /** Use `createWebGpuBackend`, which finds the device; a shared one stays when the backend goes. */
  constructor(
    gpu: WebGpuDevice,
    { shared, weights, withoutHalves, rewrite }: {
      readonly shared: boolean;
      readonly weights: WeightType;
      readonly withoutHalves: string | undefined;
      readonly rewrite: boolean;
    },
  ) {
    this.#gpu = gpu;
    this.#shared = shared;
    this.#weights = weights;
    this.#rewrite = rewrite;
    this.withoutHalves = withoutHalves;
    this.#reader = new Reader(gpu.device);
    this.#slabs = new Slabs(gpu.device);
  }

  /** What the adapter says of itself. */
  get report(): AdapterReport {
    return this.#gpu.report;
  }

  /** Why the device was lost, once it is. */
  get lost(): Promise<string> {
    return this.#gpu.health.lost;
  }

  /** Limits and abilities of the device. */
  get capabilities(): Capabilities {
    const { maxStorageBufferBindingSize, maxBufferSize } = this.#gpu.device.limits;
    const maxStorageBytes = Math.min(maxStorageBufferBindingSize, maxBufferSize);
    const f16 = this.withoutHalves === undefined;
    return { f16, training: true, maxStorageBytes, threads: 1, weights: this.#weights };
  }

  /** Shaders compiled for the device. */
  get pipelineCount(): number {
    return this.#gpu.pipelines.count;
  }

  /** Bytes of all buffers on the device: those that storages share, programs, and those that were read through, which are kept. */
  get usedBytes(): number {
    const held = [this.#slabs, ...this.#programs, this.#reader];
    return held.reduce((sum, { bytes }) => sum + bytes, 0);
  }

  /** Bytes of all storages, without what is free in the buffers that they share. */
  get storedBytes(): number {
    return [...this.#storages].reduce((sum, { spec }) => sum + storageBytes(spec), 0);
  }

  /**
   * Allocates zeroed memory; a matrix lies in C order, in f32 or, for kernels that only read it, in f16.
   *
   * @throws {RangeError} if it is larger than a shader can be given at once
   */
  alloc(spec: StorageSpec): Storage {
    const { name, dtype, layout } = spec;
    const { withoutHalves } = this;
    if (
      dtype !== "f32" && dtype !== "i32" && !(dtype === "f16" && layout === "matrix" && withoutHalves === undefined)
    ) {
      const reason = dtype === "f16" && withoutHalves !== undefined ? `: ${withoutHalves}` : "";
      throw new TypeError(`Cannot allocate "${name}": the webgpu backend has no ${layout} in ${dtype}${reason}`);
    }
    const size = storageBytes(spec), most = this.capabilities.maxStorageBytes;
    if (size > most) throw new RangeError(`Cannot allocate "${name}": ${tooLarge(size, most)}`);
    this.#gpu.health.check("allocate on");
    const storage = new WebGpuStorage(spec, this.#slabs);
    this.#storages.add(storage);
    return storage;
  }

  /** Gives a storage back. */
  free(storage: Storage): void {
    const freed = own(storage);
    freed.free();
    this.#storages.delete(freed);
  }

  /**
   * Copies numbers into a storage; they are there before anything that is run later. What is held in f16 is rounded.
   *
   * @throws {RangeError} if a number is too large for f16
   */
  write(storage: Storage, data: HostData, offset = 0): void {
    const { spec, region } = own(storage);
    checkWrite(spec, data, { offset, whole: false });
    const bytes = spec.dtype === "f16" ? toHalves(spec, data as Float32Array) : data;
    const { buffer } = region, from = region.offset + 4 * offset;
    this.#gpu.device.queue.writeBuffer(buffer, from, bytes as HostData & ArrayBufferView<ArrayBuffer>);
  }

  /** Copies a storage to the host in C order. */
  async read(storage: Storage): Promise<HostData> {
    const { spec, region: { buffer, offset } } = own(storage);
    return await this.#read({ buffer, offset, spec });
  }

  /** Compiles what a plan needs and binds it to storages. */
  load(plan: Plan, storages: Storages): Program {
    checkProducts(plan, this);
    this.#gpu.health.check("load a plan on");
    const program = new WebGpuProgram(plan, storages, {
      device: this.#gpu.device,
      software: this.#gpu.report.software,
      rewrite: this.#rewrite,
      pipelines: this.#gpu.pipelines,
      read: (numbers) => this.#read(numbers),
      collect: (bytes, submit) => this.#reading(() => this.#reader.collect(bytes, submit)),
      submit: (commands, dispatches) => {
        this.#gpu.health.check("run a program on");
        this.#gpu.device.queue.submit([commands]);
        this.counts.submissions += 1;
        this.counts.dispatches += dispatches;
      },
      forget: () => this.#programs.delete(program),
    });
    this.#programs.add(program);
    return program;
  }

  /** Gives back all that it holds, and the device unless it is shared, once what was submitted is done. */
  async [Symbol.asyncDispose](): Promise<void> {
    if (this.#gpu.health.fine) await this.#gpu.device.queue.onSubmittedWorkDone();
    this.#reader[Symbol.dispose]();
    for (const program of this.#programs) program[Symbol.dispose]();
    for (const storage of this.#storages) this.free(storage);
    if (!this.#shared) this.#gpu[Symbol.dispose]();
  }

  #read(numbers: Numbers): Promise<HostData> {
    return this.#reading(() => this.#reader.read(numbers));
  }

  async #reading<Copy>(read: () => Promise<Copy>): Promise<Copy> {
    this.#gpu.health.check("read from");
    this.counts.reads += 1;
    try {
      return await read();
    } finally {
      // What went wrong before says more than that the copy failed.
      this.#gpu.health.check("read from");
    }
  }
}

/** Numbers as halves, with one more where they fill no whole word. */
function toHalves({ name }: StorageSpec, data: Float32Array): Uint16Array {
  const halves = narrowFloat16(data);
  for (let i = 0; i < halves.length; i++) {
    if ((halves[i]! & 0x7fff) !== 0x7c00) continue;
    throw new RangeError(`Cannot write "${name}" as f16: element ${i} is ${data[i]}, too large`);
  }
  if (halves.length % 2 === 0) return halves;
  const padded = new Uint16Array(halves.length + 1);
  padded.set(halves);
  return padded;
}

function tooLarge(size: number, most: number): string {
  const limit = `${size} bytes, a shader of this device takes ${most} at once`;
  return `${limit}; a cache is smaller with fewer conversations or a shorter context, and wasm takes more`;
}

function own(storage: Storage): WebGpuStorage {
  if (storage instanceof WebGpuStorage) return storage;
  throw new TypeError(`Cannot use storage "${storage.spec.name}": it belongs to another backend`);
}
