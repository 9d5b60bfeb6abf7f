/**
 * The backend's linear memory and who owns which part of it.
 *
 * @module
 */
import { PAGE } from "./memory.ts";

/** Everything is aligned to a cache line. */
const ALIGNMENT = 64;
/** Below this lie the kernels' constants and the control block of the threads. */
const FIRST_ADDRESS = 16 * 1024;
/** Kernels may read (never write) a vector past the end of a block. */
const GUARD = 64;

interface Span {
  start: number;
  end: number;
}

/** Hands out blocks of a WebAssembly memory, first fit, and grows it when it must. */
export class Heap {
  /** The memory, shared between threads or not. */
  readonly memory: WebAssembly.Memory;
  readonly #free: Span[] = [];
  readonly #sizes = new Map<number, number>();
  #end: number;
  #bytes: Uint8Array;
  #floats: Float32Array;
  #ints: Int32Array;

  /** Takes a memory that nobody has used. */
  constructor(memory: WebAssembly.Memory) {
    this.memory = memory;
    this.#end = FIRST_ADDRESS;
    this.#bytes = new Uint8Array(this.memory.buffer);
    this.#floats = new Float32Array(this.memory.buffer);
    this.#ints = new Int32Array(this.memory.buffer);
  }

  /** The whole memory as bytes, f32 or i32; only valid until the next {@link Heap.alloc}. */
  get views(): { bytes: Uint8Array; floats: Float32Array; ints: Int32Array } {
    if (this.#bytes.buffer !== this.memory.buffer) {
      this.#bytes = new Uint8Array(this.memory.buffer);
      this.#floats = new Float32Array(this.memory.buffer);
      this.#ints = new Int32Array(this.memory.buffer);
    }
    return { bytes: this.#bytes, floats: this.#floats, ints: this.#ints };
  }

  /** Bytes in use. */
  get used(): number {
    return [...this.#sizes.values()].reduce((sum, size) => sum + size, 0);
  }

  /**
   * Address of a zeroed block.
   *
   * @throws {RangeError} if the memory cannot grow that far
   */
  alloc(bytes: number): number {
    const size = Math.ceil((bytes + GUARD) / ALIGNMENT) * ALIGNMENT;
    const index = this.#free.findIndex((span) => span.end - span.start >= size);
    let address: number;
    if (index >= 0) {
      const span = this.#free[index]!;
      address = span.start;
      span.start += size;
      if (span.start === span.end) this.#free.splice(index, 1);
      this.views.bytes.fill(0, address, address + size);
    } else {
      address = this.#end;
      this.#grow(address + size);
      this.views.bytes.fill(0, address, Math.min(this.#dirty, address + size));
      this.#end = address + size;
    }
    this.#sizes.set(address, size);
    return address;
  }

  /**
   * Address from which the next `bytes` come, as far as no block that was given back has room. None of them is used yet.
   *
   * @throws {RangeError} if the memory cannot grow that far
   */
  reserve(bytes: number): number {
    this.#grow(this.#end + bytes);
    return this.#end;
  }

  /** Gives a block back. */
  free(address: number): void {
    const size = this.#sizes.get(address);
    if (size === undefined) throw new RangeError(`Cannot free address ${address}: it is not allocated`);
    this.#sizes.delete(address);
    this.#free.push({ start: address, end: address + size });
    this.#free.sort((a, b) => a.start - b.start);
    for (let i = this.#free.length - 1; i > 0; i--) {
      if (this.#free[i - 1]!.end !== this.#free[i]!.start) continue;
      this.#free[i - 1]!.end = this.#free[i]!.end;
      this.#free.splice(i, 1);
    }
    const last = this.#free.at(-1);
    if (last?.end === this.#end) {
      this.#dirty = Math.max(this.#dirty, this.#end);
      this.#end = last.start;
      this.#free.pop();
    }
  }

  /** Memory from here on has never been used and is still zero. */
  #dirty = 0;

  #grow(end: number): void {
    const missing = Math.ceil(end / PAGE) - this.memory.buffer.byteLength / PAGE;
    if (missing <= 0) return;
    try {
      this.memory.grow(missing);
    } catch (cause) {
      throw new RangeError(
        `Cannot allocate: ${end} bytes of WebAssembly memory are needed, and it cannot grow so far`,
        { cause },
      );
    }
  }
}
