/**
 * Buffers that many storages share: what lies in one buffer can be bound at once, and one dispatch can work on it all.
 *
 * @module
 */
import { alignment } from "../../core/graph/plan.ts";

/** Bytes of a shared buffer: what the first one has at least, and what none exceeds. */
const SMALLEST = 2 ** 16, LARGEST = 2 ** 25;

/** A part of a buffer. */
export interface Region {
  /** The buffer. */
  readonly buffer: GPUBuffer;
  /** First byte, a multiple of 256. */
  readonly offset: number;
  /** Number of bytes, a multiple of 256. */
  readonly bytes: number;
}

interface Span {
  start: number;
  end: number;
}

/** A shared buffer. */
interface Slab {
  readonly buffer: GPUBuffer;
  /** Single numbers and their like lie apart from weights, so that a run of weights has nothing else in it. */
  readonly single: boolean;
  /** Gaps, in order. */
  readonly free: Span[];
  /** From here on nothing was ever used, so all is still zero. */
  dirty: number;
}

/** Hands out regions of buffers, each as large as all before it together. */
export class Slabs {
  readonly #device: GPUDevice;
  readonly #slabs = new Map<GPUBuffer, Slab>();

  /** Buffers of a device. */
  constructor(device: GPUDevice) {
    this.#device = device;
  }

  /** Bytes of all buffers. */
  get bytes(): number {
    return [...this.#slabs.keys()].reduce((sum, { size }) => sum + size, 0);
  }

  /** A zeroed region. */
  take(bytes: number): Region {
    const size = Math.ceil(bytes / alignment) * alignment, single = size === alignment;
    // The newest first: what is allocated in a row shall lie in one buffer.
    for (const slab of [...this.#slabs.values()].reverse()) {
      const gap = slab.single === single ? slab.free.find(({ start, end }) => end - start >= size) : undefined;
      if (gap === undefined) continue;
      const offset = gap.start;
      gap.start += size;
      if (gap.start === gap.end) slab.free.splice(slab.free.indexOf(gap), 1);
      this.#clear(slab, { offset, end: offset + size });
      return { buffer: slab.buffer, offset, bytes: size };
    }
    return this.#grow(size, single);
  }

  /** Takes a region back; a buffer with nothing in it is destroyed. */
  give({ buffer, offset, bytes }: Region): void {
    const { free } = this.#slabs.get(buffer)!;
    const at = free.findIndex(({ start }) => start > offset);
    free.splice(at < 0 ? free.length : at, 0, { start: offset, end: offset + bytes });
    for (let i = free.length - 1; i > 0; i--) {
      if (free[i - 1]!.end !== free[i]!.start) continue;
      free[i - 1]!.end = free[i]!.end;
      free.splice(i, 1);
    }
    if (free[0]!.end - free[0]!.start < buffer.size) return;
    this.#slabs.delete(buffer);
    buffer.destroy();
  }

  /** A region at the front of a new buffer. What would take most of one has a buffer of its own. */
  #grow(size: number, single: boolean): Region {
    const shared = single ? SMALLEST : Math.min(LARGEST, Math.max(SMALLEST, this.bytes));
    const bytes = 2 * size > LARGEST ? size : Math.max(size, shared);
    const usage = GPUBufferUsage.STORAGE | GPUBufferUsage.COPY_SRC | GPUBufferUsage.COPY_DST;
    const buffer = this.#device.createBuffer({ label: "storages", size: bytes, usage });
    const free = bytes > size ? [{ start: size, end: bytes }] : [];
    this.#slabs.set(buffer, { buffer, single, free, dirty: size });
    return { buffer, offset: 0, bytes: size };
  }

  #clear(slab: Slab, { offset, end }: { readonly offset: number; readonly end: number }): void {
    const used = Math.min(end, slab.dirty) - offset;
    slab.dirty = Math.max(slab.dirty, end);
    if (used <= 0) return;
    const encoder = this.#device.createCommandEncoder();
    encoder.clearBuffer(slab.buffer, offset, used);
    this.#device.queue.submit([encoder.finish()]);
  }
}
