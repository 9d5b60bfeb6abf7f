/**
 * Memory: storages that outlive programs, and the way back to the host.
 *
 * @module
 */
import type { HostData, Storage } from "../../core/backend.ts";
import { byteLength, elementCount, type StorageSpec } from "../../core/graph/tensor.ts";
import { widenFloat16 } from "../../data/half_precision.ts";
import type { Region, Slabs } from "./slabs.ts";

/** Bytes of a storage: whole words, as a device copies and binds them. */
export function storageBytes(spec: Pick<StorageSpec, "dtype" | "shape">): number {
  return 4 * Math.ceil(byteLength(spec) / 4);
}

/** Memory that outlives programs. */
export class WebGpuStorage implements Storage {
  /** Name, type, shape and layout it was allocated for; a matrix lies in C order. */
  readonly spec: StorageSpec;
  readonly #slabs: Slabs;
  #region: Region | undefined;

  /** Takes memory. */
  constructor(spec: StorageSpec, slabs: Slabs) {
    this.spec = spec;
    this.#slabs = slabs;
    this.#region = slabs.take(storageBytes(spec));
  }

  /**
   * Where it lies.
   *
   * @throws {Error} once freed
   */
  get region(): Region {
    if (this.#region === undefined) throw new Error(`Cannot use storage "${this.spec.name}": it was freed`);
    return this.#region;
  }

  /** Gives the memory back. */
  free(): void {
    this.#slabs.give(this.region);
    this.#region = undefined;
  }
}

/** Numbers of a buffer. */
export interface Numbers {
  /** The buffer. */
  readonly buffer: GPUBuffer;
  /** First byte. */
  readonly offset: number;
  /** Type and shape of what lies there. */
  readonly spec: Pick<StorageSpec, "dtype" | "shape">;
}

/** Numbers that were copied from a buffer, `at` bytes (0) into the copy. */
export function numbersOf(copy: ArrayBuffer, { dtype, shape }: Numbers["spec"], at = 0): HostData {
  const count = elementCount(shape);
  if (dtype === "f16") return widenFloat16(new Uint16Array(copy, at, count));
  return new (dtype === "i32" ? Int32Array : Float32Array)(copy, at, count);
}

/** Copies buffers to the host, through buffers that are used again. */
export class Reader {
  readonly #device: GPUDevice;
  /** All buffers; the idle ones are among them. */
  readonly #buffers = new Set<GPUBuffer>();
  readonly #idle: GPUBuffer[] = [];

  /** Reads from a device. */
  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Bytes that its buffers take on the device. */
  get bytes(): number {
    return [...this.#buffers].reduce((sum, { size }) => sum + size, 0);
  }

  /** What lies there once all that was submitted before is done. */
  async read({ buffer, offset, spec }: Numbers): Promise<HostData> {
    const bytes = storageBytes(spec);
    const copy = await this.collect(bytes, (staging) => {
      const encoder = this.#device.createCommandEncoder();
      encoder.copyBufferToBuffer(buffer, offset, staging, 0, bytes);
      this.#device.queue.submit([encoder.finish()]);
    });
    return numbersOf(copy, spec);
  }

  /** Bytes that commands copy into a buffer that they are given; they are submitted before it returns. */
  async collect(bytes: number, submit: (staging: GPUBuffer) => void): Promise<ArrayBuffer> {
    const staging = this.#take(bytes);
    let copy: ArrayBuffer;
    try {
      submit(staging);
      await staging.mapAsync(GPUMapMode.READ, 0, bytes);
      copy = staging.getMappedRange(0, bytes).slice(0);
      staging.unmap();
    } catch (error) {
      staging.destroy();
      this.#buffers.delete(staging);
      throw error;
    }
    this.#idle.push(staging);
    return copy;
  }

  /** Gives the buffers back. */
  [Symbol.dispose](): void {
    for (const buffer of this.#buffers) buffer.destroy();
    this.#buffers.clear();
    this.#idle.length = 0;
  }

  /** The smallest idle buffer that is large enough, or a new one; a large one is not kept for the sake of a few bytes. */
  #take(bytes: number): GPUBuffer {
    const size = 2 ** Math.ceil(Math.log2(Math.max(bytes, 256)));
    const at = this.#idle.findIndex((buffer) => buffer.size === size);
    if (at >= 0) return this.#idle.splice(at, 1)[0]!;
    const made = this.#device.createBuffer({ size, usage: GPUBufferUsage.MAP_READ | GPUBufferUsage.COPY_DST });
    this.#buffers.add(made);
    return made;
  }
}
