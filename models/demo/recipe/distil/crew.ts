/**
 * The workers of a run, seen from the main thread.
 *
 * @module
 */
import { compileDepthwise } from "./depthwise.ts";
import type { DistilOptions } from "./options.ts";
import { teacherWidth } from "./teacher.ts";
import type { WorkerResult, WorkerSetup, WorkerTask } from "./worker.ts";

/** Workers that do the same task side by side, each on its own part. */
export class Crew implements Disposable {
  /** Gradients of each worker after a step. */
  readonly gradients: readonly Float32Array[];
  /** Mean of each of the teacher's channels, then their spread. */
  readonly scale: Float32Array = new Float32Array(new SharedArrayBuffer(4 * (teacherWidth + 1)));
  readonly #workers: readonly Worker[];

  private constructor(workers: readonly Worker[], gradients: readonly Float32Array[]) {
    this.#workers = workers;
    this.gradients = gradients;
  }

  /** Starts the workers over shared weights. */
  static async start(options: DistilOptions, weights: Float32Array): Promise<Crew> {
    const indices = Array.from({ length: options.workers }, (_, index) => index);
    const workers = indices.map(() => new Worker(new URL("./worker.ts", import.meta.url), { type: "module" }));
    await Promise.all(workers.map((worker) => answer(worker)));
    const gradients = indices.map(() => new Float32Array(new SharedArrayBuffer(weights.byteLength)));
    const crew = new Crew(workers, gradients);
    const module = await compileDepthwise();
    await Promise.all(indices.map((index) => {
      const setup: WorkerSetup = { index, options, module, weights, gradients: gradients[index]!, scale: crew.scale };
      return ask(workers[index]!, setup);
    }));
    return crew;
  }

  /** Gives all the same task and adds up what they find. */
  async run(task: WorkerTask): Promise<WorkerResult> {
    const results = await Promise.all(this.#workers.map((worker) => ask(worker, task))) as WorkerResult[];
    const total = (read: (result: WorkerResult) => number) => results.reduce((sum, result) => sum + read(result), 0);
    const moments = results[0]!.moments?.map((_, i) => total((result) => result.moments![i]!));
    return {
      count: total(({ count }) => count),
      error: total(({ error }) => error),
      angle: total(({ angle }) => angle),
      spread: total(({ spread }) => spread),
      moments,
    };
  }

  /** Measures mean and spread of the teacher's features over `count` views. */
  async survey(count: number): Promise<void> {
    const { moments } = await this.run({ kind: "survey", count });
    const rows = moments![2 * teacherWidth]!;
    let variance = 0;
    for (let c = 0; c < teacherWidth; c++) {
      const mean = moments![c]! / rows;
      this.scale[c] = mean;
      variance += moments![teacherWidth + c]! / rows - mean * mean;
    }
    this.scale[teacherWidth] = Math.sqrt(variance / teacherWidth);
  }

  /** Ends the workers. */
  [Symbol.dispose](): void {
    for (const worker of this.#workers) worker.terminate();
  }
}

function ask(worker: Worker, message: WorkerSetup | WorkerTask): Promise<unknown> {
  const answered = answer(worker);
  worker.postMessage(message);
  return answered;
}

/** The worker's next message. */
function answer(worker: Worker): Promise<unknown> {
  return new Promise((resolve, reject) => {
    worker.onmessage = ({ data }) => resolve(data);
    worker.onerror = (event) => {
      event.preventDefault();
      reject(new Error(`Cannot go on: a worker failed with "${event.message}"`));
    };
  });
}
