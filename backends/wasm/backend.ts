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
import { checkWrite } from "../../core/storages.ts";
import { mostPieces } from "./pieces.ts";
import { readNumbers, WasmProgram, WasmStorage, writeNumbers } from "./program.ts";
import { scratchBytes } from "./scratch.ts";
import { TILE_BYTES } from "./sizes.ts";
import type { ThreadPool } from "./thread_pool.ts";

/** Memory and kernels of the processor. */
export class WasmBackend implements Backend {
  /** Name a config uses. */
  readonly name = "wasm";
  readonly #heap: Heap;
  readonly #pool: ThreadPool;
  readonly #grain: number;
  #packing: number | undefined;
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

  /** Gives a block back. */
  free(storage: Storage): void {
    this.#heap.free(own(storage).release());
  }

  /** Copies numbers in C order into a block; a matrix is packed. */
  write(storage: Storage, data: HostData, offset = 0): void {
    const { spec, address } = own(storage);
    checkWrite(spec, data, { offset, whole: false });
    if (spec.layout === "rows") return writeNumbers(this.#heap, address + 4 * offset, data);
    const inside = data.buffer === this.#heap.memory.buffer;
    const from = inside ? data.byteOffset : this.#heap.alloc(data.byteLength);
    if (!inside) writeNumbers(this.#heap, from, data);
    this.#pack(from, address, matrixExtents(spec));
    if (!inside) this.#heap.free(from);
  }

  /** The block itself; of a matrix no view is given, for it lies in panels. */
  view(storage: Storage): Float32Array {
    const { spec, address } = own(storage);
    if (spec.layout !== "rows" || spec.dtype !== "f32") {
      throw new TypeError(`Cannot view "${spec.name}": only f32 in rows can be viewed`);
    }
    return this.#heap.views.floats.subarray(address / 4, address / 4 + elementCount(spec.shape));
  }

  /** Copies a block to the host in C order. */
  read(storage: Storage): Promise<HostData> {
    const { spec, address } = own(storage);
    return Promise.resolve(readNumbers(this.#heap, address, spec));
  }

  /** Encodes a plan as a command list; scratch memory grows here if it must. */
  load(plan: Plan, storages: Storages): Program {
    this.#reserveScratch(Math.max(0, ...plan.calls.map(scratchBytes)) + TILE_BYTES);
    return new WasmProgram(plan, storages, { heap: this.#heap, run: (list) => this.#run(list), grain: this.#grain });
  }

  /** Ends the threads. */
  [Symbol.asyncDispose](): Promise<void> {
    this.#pool[Symbol.dispose]();
    return Promise.resolve();
  }

  /** On all threads, for the memory is new and the first touch of each page takes longer than the packing. */
  #pack(from: number, to: number, [n, k]: readonly [number, number]): void {
    const command = Int32Array.of(10, 0, mostPieces, Opcode.pack, 0, 0, from, to, n, k, 0);
    this.#packing ??= this.#heap.alloc(command.byteLength);
    writeNumbers(this.#heap, this.#packing, command);
    this.#reserveScratch(TILE_BYTES);
    this.#run(this.#packing);
  }

  #run(list: number): void {
    const { address, stride } = this.#scratch;
    this.#pool.run({ list, scratch: address + TILE_BYTES, scratchStride: stride });
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
