/**
 * Threads for the `wasm` backend in Node, which has no `Worker` of the Web.
 *
 * @module
 */
import type { WorkerLike } from "../backends/wasm/mod.ts";

/** What Node offers instead. */
export interface NodeThreads {
  /** Processors that this process may use. */
  readonly cores: number;
  /** Starts a worker from source; undefined where Node forbids it. */
  createWorker(source: string): WorkerLike | undefined;
}

/** Wraps what was written for a Web Worker: with its one message taken, nothing keeps the thread alive. */
const asWebWorker = (source: string) =>
  `((self) => {${source}})({
  set onmessage(handle) {
    require("node:worker_threads").parentPort.once("message", (data) => handle({ data }));
  },
  close() {},
});`;

/** Node's threads; undefined where the Web's `Worker` is at hand, or this is not Node. */
export async function nodeThreads(): Promise<NodeThreads | undefined> {
  // Asked first: under Deno a look at `process` already starts its part of Node.
  const { Worker } = globalThis as { Worker?: unknown };
  if (Worker !== undefined) return undefined;
  const { process } = globalThis as { process?: { versions?: { node?: string } } };
  if (process?.versions?.node === undefined) return undefined;
  const [threads, os] = await Promise.all([import("node:worker_threads"), import("node:os")]);
  return {
    cores: os.availableParallelism(),
    createWorker(source) {
      try {
        // Node's own options must not pass on: some turn the source into a module, which has no `require`.
        const worker = new threads.Worker(asWebWorker(source), { eval: true, execArgv: [] });
        let failed = false;
        worker.on("error", () => void (failed = true)); // unheard, it would end the process
        worker.unref();
        return {
          get failed() {
            return failed;
          },
          needsEventLoop: false,
          postMessage: (message) => worker.postMessage(message),
          terminate: () => void worker.terminate(),
        };
      } catch {
        return undefined; // Node's permission model needs --allow-worker
      }
    },
  };
}
