/**
 * The WASM-SIMD backend: f32 kernels over one linear memory, on one thread or several.
 *
 * @module
 */
import type { Backend, Capabilities, HostData, Program, Storage, Storages } from "../../core/backend.ts";
import type { Plan } from "../../core/graph/plan.ts";
import { elementCount, type StorageSpec } from "../../core/graph/tensor.ts";
import type { Heap } from "./heap.ts";
import { Opcode } from "./assembly/opcodes.ts";
import { matrixExtents, packedCount } from "./panels.ts";
import { checkProducts, checkWrite } from "../../core/storages.ts";
import { mostPieces } from "./pieces.ts";
import { readNumbers, WasmProgram, WasmStorage, writeNumbers } from "./program.ts";
import { scratchBytes } from "./scratch.ts";
import { TILE_BYTES } from "./sizes.ts";
import type { Run, ThreadPool } from "./thread_pool.ts";

/** Bytes that one command touches: its parts are what a thread does before it asks for more. */
const touchedAtOnce = 2 ** 25;

/** Words of the longest list that runs beside the caller: touching all of the memory. */
const longestList = 2 ** 32 / touchedAtOnce * 8 + 1;

/** Memory and kernels of the processor. */
export class WasmBackend implements Backend {
  /** Name a config uses. */
  readonly name = "wasm";
  readonly #heap: Heap;
  readonly #pool: ThreadPool;
  readonly #grain: number;
  /** Address of the list of what goes on beside the caller. */
  #beside: number | undefined;
  /** Where the numbers lie that are being packed. */
  #source: number | undefined;
  #scratch = { address: 0, stride: 0 };

  /** Use `createWasmBackend`, which chooses the kernels and starts the threads. */
  constructor(heap: Heap, pool: ThreadPool, { grain }: { readonly grain: number }) {
    this.#heap = heap;
    this.#pool = pool;
    this.#grain = grain;
  }

  /** Limits and abilities of this engine. */
  get capabilities(): Capabilities {
    return { f16: false, training: true, maxStorageBytes: 2 ** 31, threads: this.#pool.threads };
  }

  /** Bytes of linear memory in use. */
  get usedBytes(): number {
    return this.#heap.used;
  }

  /** Allocates a zeroed block; a matrix in panels. */
  alloc(spec: StorageSpec): Storage {
    if (spec.dtype !== "f32" && spec.dtype !== "i32") {
      throw new TypeError(`Cannot allocate "${spec.name}": the wasm backend has no ${spec.dtype} storage`);
    }
    const count = spec.layout === "matrix" ? packedCount(spec) : elementCount(spec.shape);
    return new WasmStorage(spec, this.#heap.alloc(count * 4));
  }

  /**
   * Lets the workers touch the memory that the next blocks come from: the first touch of each page takes longer than
   * what is written there, and threads that read files leave a core free.
   */
  reserve(bytes: number): void {
    if (this.#pool.threads === 1 || bytes <= 0) return;
    const from = this.#heap.reserve(bytes);
    const commands: number[] = [];
    for (let at = 0; at < bytes; at += touchedAtOnce) {
      commands.push(8, 0, mostPieces, Opcode.touch, 0, 0, from + at, Math.min(touchedAtOnce, bytes - at));
    }
    this.#begin(Int32Array.of(...commands, 0));
  }

  /** Gives a block back. */
  free(storage: Storage): void {
    this.#pool.finish();
    this.#heap.free(own(storage).release());
  }

  /** Copies numbers in C order into a block; a matrix is packed, by the workers while the caller goes on. */
  write(storage: Storage, data: HostData, offset = 0): void {
    const { spec, address } = own(storage);
    checkWrite(spec, data, { offset, whole: false });
    if (spec.layout === "rows") {
      this.#release(storage);
      return writeNumbers(this.#heap, address + 4 * offset, data);
    }
    const inside = data.buffer === this.#heap.memory.buffer;
    const from = inside ? data.byteOffset : this.#heap.alloc(data.byteLength);
    if (!inside) writeNumbers(this.#heap, from, data);
    this.#begin(Int32Array.of(10, 0, mostPieces, Opcode.pack, 0, 0, from, address, ...matrixExtents(spec), 0));
    this.#source = from;
    if (inside && this.#pool.threads > 1) return;
    this.#pool.finish();
    if (!inside) this.#heap.free(from);
  }

  /** The block itself; of a matrix no view is given, for it lies in panels. */
  view(storage: Storage): Float32Array {
    const { spec, address } = own(storage);
    if (spec.layout !== "rows" || spec.dtype !== "f32") {
      throw new TypeError(`Cannot view "${spec.name}": only f32 in rows can be viewed`);
    }
    this.#release(storage);
    return this.#heap.views.floats.subarray(address / 4, address / 4 + elementCount(spec.shape));
  }

  /** Copies a block to the host in C order. */
  read(storage: Storage): Promise<HostData> {
    const { spec, address } = own(storage);
    this.#pool.finish();
    return Promise.resolve(readNumbers(this.#heap, address, spec));
  }

  /** Encodes a plan as a command list; scratch memory grows here if it must. */
  load(plan: Plan, storages: Storages): Program {
    checkProducts(plan, this);
    this.#reserveScratch(Math.max(0, ...plan.calls.map(scratchBytes)) + TILE_BYTES);
    return new WasmProgram(plan, storages, { heap: this.#heap, run: (list) => this.#run(list), grain: this.#grain });
  }

  /** Ends the threads. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#pool[Symbol.dispose]();
    return Promise.resolve();
  }

  /** Waits until no matrix is packed from a storage any more. */
  #release(storage: Storage): void {
    const { spec, address } = own(storage);
    const inside = this.#source !== undefined && this.#source >= address &&
      this.#source < address + 4 * elementCount(spec.shape);
    if (inside) this.#pool.finish();
  }

  /** Lets the workers run commands while the caller goes on. */
  #begin(commands: Int32Array): void {
    this.#pool.finish();
    this.#source = undefined;
    this.#beside ??= this.#heap.alloc(4 * longestList);
    writeNumbers(this.#heap, this.#beside, commands);
    this.#reserveScratch(TILE_BYTES);
    this.#pool.begin(this.#runOf(this.#beside));
  }

  #run(list: number): void {
    this.#pool.run(this.#runOf(list));
  }

  #runOf(list: number): Run {
    const { address, stride } = this.#scratch;
    return { list, scratch: address + TILE_BYTES, scratchStride: stride };
  }

  /** Scratch is shared by all programs: it only ever grows, when a program is loaded. */
  #reserveScratch(bytes: number): void {
    const stride = Math.ceil(bytes / 64) * 64 + 64;
    if (stride <= this.#scratch.stride) return;
    if (this.#scratch.stride > 0) this.#heap.free(this.#scratch.address);
    this.#scratch = { address: this.#heap.alloc(stride * this.#pool.threads), stride };
  }
}

function own(storage: Storage): WasmStorage {
  if (storage instanceof WasmStorage) return storage;
  throw new TypeError(`Cannot use storage "${storage.spec.name}": it belongs to another backend`);
}
