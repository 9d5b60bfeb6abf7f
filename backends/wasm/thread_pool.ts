/**
 * Threads that walk a command list together: the caller and a few workers over one shared memory.
 *
 * @module
 */

/** A worker as the pool uses it. */
export interface WorkerLike {
  /** Whether it could not start; left out where nothing tells, which costs seconds of waiting for it. */
  readonly failed?: boolean;
  /** Whether it starts only when the thread that made it turns its event loop, as in browsers. */
  readonly needsEventLoop: boolean;
  /** Sends the worker what it needs to join. */
  postMessage(message: unknown): void;
  /** Ends the worker. */
  terminate(): void;
}

/** The kernels as WebAssembly exports them. */
export interface KernelExports {
  /** Lets workers begin with the list of the control block. */
  begin(control: number): void;
  /** Takes part in it until it is done. */
  finish(control: number): void;
}

/** What a run needs. */
export interface Run {
  /** Address of the command list. */
  readonly list: number;
  /** Address of the first thread's scratch. */
  readonly scratch: number;
  /** Bytes between the threads' scratches. */
  readonly scratchStride: number;
}

/** The control block, laid out as in assembly/run.ts: byte address, and its fields in 32-bit words. */
const CONTROL = 4096;
const FIELD = { list: 0, threads: 1, scratch: 2, scratchStride: 3, mayWait: 4, number: 17, workers: 64 };
const ABSENT = 0;
const STOP = 2;

/** Most workers that the control block has room for. */
export const maxWorkers = 64;
/** A worker ends after so long without work, and is started again when needed. */
const IDLE_NANOSECONDS = 5_000_000_000n;
/**
 * How long a run waits for workers that it had to start again: mostly they come within 100. It waits in JavaScript,
 * for a worker makes no headway while this thread is inside a long run. Then it goes on without those still missing.
 * In browsers no worker would come before this thread's next turn, so there is no waiting.
 */
const RESTART_MILLISECONDS = 500;
/** How long a worker may take to start. */
const START_MILLISECONDS = 5000;

/** What runs in a worker: one call that lasts as long as the worker lives. */
export const workerSource: string = `self.onmessage = ({ data: { module, memory, control, worker, idle } }) => {
  new WebAssembly.Instance(module, { env: { memory } }).exports.work(control, worker, idle);
  self.close();
};`;

/** As it is before anything else runs: onnxruntime-web, for one, puts Node's `Worker` in its place under Deno. */
const WebWorker = globalThis.Worker;

/**
 * Starts a module worker from source, or from a script that holds it; returns nothing where there are no workers, or a
 * page's policy forbids them.
 */
export function createWebWorker(source: string, script?: string): WorkerLike | undefined {
  if (WebWorker === undefined || typeof URL.createObjectURL !== "function") return undefined;
  // The URL is never revoked: a worker fetches it some time after this, and nothing tells when. It is 300 bytes.
  const url = script ?? URL.createObjectURL(new Blob([source], { type: "text/javascript" }));
  try {
    const worker = new WebWorker(url, { type: "module" });
    let failed = false;
    worker.addEventListener("error", () => void (failed = true));
    return {
      get failed() {
        return failed;
      },
      needsEventLoop: !underDeno(),
      postMessage: (message) => worker.postMessage(message),
      terminate: () => worker.terminate(),
    };
  } catch {
    return undefined;
  }
}

/** The caller's thread and its workers. */
export class ThreadPool implements Disposable {
  readonly #kernels: KernelExports;
  readonly #module: WebAssembly.Module;
  readonly #memory: WebAssembly.Memory;
  readonly #create: (source: string) => WorkerLike | undefined;
  readonly #workers: (WorkerLike | undefined)[] = [];
  readonly #startedAt: number[] = [];
  #control: Int32Array<ArrayBufferLike> | undefined;
  #begun = false;

  /** Prepares a pool of the caller alone. */
  constructor(
    parts: { kernels: KernelExports; module: WebAssembly.Module; memory: WebAssembly.Memory },
    create: (source: string) => WorkerLike | undefined,
  ) {
    this.#kernels = parts.kernels;
    this.#module = parts.module;
    this.#memory = parts.memory;
    this.#create = create;
    this.#block[FIELD.mayWait] = Number(callerMayWait());
  }

  /** The control block; growing the memory moves it when it is not shared. */
  get #block(): Int32Array<ArrayBufferLike> {
    if (this.#control?.buffer !== this.#memory.buffer) {
      this.#control = new Int32Array(this.#memory.buffer, CONTROL, FIELD.workers + maxWorkers);
    }
    return this.#control;
  }

  /** Threads of a run when all workers are there. */
  get threads(): number {
    return this.#workers.length + 1;
  }

  /** Starts `count` workers and waits until they are ready; false, with none left, if they do not come. */
  async start(count: number): Promise<boolean> {
    for (let i = 0; i < count; i++) {
      const worker = this.#spawn(i);
      if (worker === undefined) break;
      this.#workers.push(worker);
    }
    const deadline = performance.now() + START_MILLISECONDS;
    while (this.#workers.some((_, i) => this.#state(i) === ABSENT)) {
      if (performance.now() > deadline || this.#workers.some((worker) => worker?.failed)) {
        this[Symbol.dispose]();
        return false;
      }
      await millisecond();
    }
    return this.#workers.length === count;
  }

  /** Runs a command list on every thread that is there; returns when it is done. */
  run(run: Run): void {
    this.begin(run);
    this.finish();
  }

  /** Lets the workers begin with a command list, after the one before. Without workers all of it is left to do. */
  begin({ list, scratch, scratchStride }: Run): void {
    this.finish();
    this.#restart();
    const control = this.#block;
    control[FIELD.list] = list;
    control[FIELD.threads] = 1 + this.#workers.filter((_, i) => this.#state(i) !== ABSENT).length;
    control[FIELD.scratch] = scratch;
    control[FIELD.scratchStride] = scratchStride;
    this.#kernels.begin(CONTROL);
    this.#begun = true;
  }

  /** Does what is left of the list that was begun, if one was, and waits for the workers. */
  finish(): void {
    if (!this.#begun) return;
    this.#begun = false;
    this.#kernels.finish(CONTROL);
  }

  /** Stops the workers, after what was begun. */
  [Symbol.dispose](): void {
    this.finish();
    this.#workers.forEach((_, i) => Atomics.store(this.#block, FIELD.workers + i, STOP));
    Atomics.notify(this.#block, FIELD.number);
    for (const worker of this.#workers) worker?.terminate();
    this.#workers.length = 0;
  }

  #spawn(i: number): WorkerLike | undefined {
    this.#startedAt[i] = performance.now();
    const worker = this.#create(workerSource);
    worker?.postMessage({
      module: this.#module,
      memory: this.#memory,
      control: CONTROL,
      worker: i,
      idle: IDLE_NANOSECONDS,
    });
    return worker;
  }

  /** Starts workers again that have ended for want of work, and waits a little for those that are on their way. */
  #restart(): void {
    const absent = this.#workers.flatMap((_, i) => this.#state(i) === ABSENT ? [i] : []);
    if (absent.length === 0) return;
    for (const i of absent) {
      if (performance.now() - this.#startedAt[i]! < START_MILLISECONDS) continue;
      this.#workers[i]?.terminate();
      this.#workers[i] = this.#spawn(i);
    }
    const awaited = absent.filter((i) => this.#workers[i]?.needsEventLoop === false && !this.#workers[i]?.failed);
    const deadline = performance.now() + RESTART_MILLISECONDS;
    while (awaited.some((i) => this.#state(i) === ABSENT) && performance.now() < deadline);
  }

  #state(i: number): number {
    return Atomics.load(this.#block, FIELD.workers + i);
  }
}

/** Passes a millisecond or so. Under Deno by a signal: for its first `setTimeout` it loads a part of Node. */
function millisecond(): Promise<unknown> {
  return new Promise((resolve) => {
    if (!underDeno()) setTimeout(resolve, 1);
    else AbortSignal.timeout(1).addEventListener("abort", resolve);
  });
}

function underDeno(): boolean {
  return globalThis.navigator?.userAgent?.startsWith("Deno/") ?? false;
}

/** Whether this thread may sleep in `Atomics.wait`; the main thread of a browser may not. */
function callerMayWait(): boolean {
  try {
    Atomics.wait(new Int32Array(new SharedArrayBuffer(4)), 0, 1, 0);
    return true;
  } catch {
    return false;
  }
}
