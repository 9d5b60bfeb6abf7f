/**
 * WASM-SIMD backend: AssemblyScript kernels, packed weights, threads over shared memory.
 *
 * @module
 */
import { WasmBackend } from "./backend.ts";
import { compileKernels } from "./binary.ts";
import { Heap } from "./heap.ts";
import { createMemory } from "./memory.ts";
import { usualGrain } from "./pieces.ts";
import { createWebWorker, type KernelExports, maxWorkers, ThreadPool, type WorkerLike } from "./thread_pool.ts";

export { WasmBackend } from "./backend.ts";
export { type WorkerLike, workerSource } from "./thread_pool.ts";

/** Options of {@link createWasmBackend}. */
export interface WasmOptions {
  /** Threads, the caller's included. Default: the number of cores, at most 8. */
  readonly threads?: number | undefined;
  /** False keeps to plain SIMD even where the engine fuses multiply-add. */
  readonly relaxedSimd?: boolean | undefined;
  /**
   * Nanoseconds that a part of a kernel shall take where threads share one, roughly. Default 20000, a hundred times what
   * it costs a thread to take a part; 0 splits everything as far as possible.
   */
  readonly grain?: number | undefined;
  /** Starts a worker from source; for runtimes without the Web's `Worker`. */
  readonly createWorker?: ((source: string) => WorkerLike | undefined) | undefined;
  /**
   * URL of a script whose text is `workerSource`, which workers are started from, for pages whose policy forbids to start
   * them from `blob:`. Default: from such an address.
   */
  readonly workerScript?: string | undefined;
  /** Told once about each ability that is missing here and slows things down. */
  readonly onNotice?: ((notice: string) => void) | undefined;
}

/**
 * Creates the backend and starts its threads. Results do not depend on their number.
 *
 * Without SharedArrayBuffer or workers it runs on one thread, without relaxed SIMD it multiplies and adds in two
 * steps, and `onNotice` is told.
 *
 * @throws {RangeError} if `threads` is not a whole number from 1 to 65
 */
export async function createWasmBackend(options: WasmOptions = {}): Promise<WasmBackend> {
  const threads = options.threads ?? Math.min(8, globalThis.navigator?.hardwareConcurrency ?? 1);
  if (!Number.isInteger(threads) || threads < 1 || threads > maxWorkers + 1) {
    throw new RangeError(`Cannot use ${threads} threads: the number must be whole, from 1 to ${maxWorkers + 1}`);
  }
  const notice = options.onNotice ?? (() => {});
  const shared = threads > 1 && typeof SharedArrayBuffer !== "undefined";
  const { memory, fixedPages } = createMemory(shared);
  const build = await compileKernels({ shared, fixedPages, relaxed: options.relaxedSimd });
  if (!build.relaxed && options.relaxedSimd !== false) notice("no relaxed SIMD here: matrix products are slower");
  const heap = new Heap(memory);
  const instance = await WebAssembly.instantiate(build.module, { env: { memory } });
  const kernels = instance.exports as unknown as KernelExports;
  const parts = { kernels, module: build.module, memory };
  const pool = new ThreadPool(
    parts,
    options.createWorker ?? ((source) => createWebWorker(source, options.workerScript)),
  );
  if (threads > 1 && !(shared && await pool.start(threads - 1))) {
    notice(`running on ${pool.threads} of ${threads} threads: shared memory or workers are missing here`);
  }
  return new WasmBackend(heap, pool, { grain: options.grain ?? usualGrain });
}
