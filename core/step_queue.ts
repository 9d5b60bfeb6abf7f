/**
 * Steps of a program that draws, queued on the device ahead of the ids that are read.
 *
 * @module
 */
import type { HostData, Program } from "./backend.ts";

/** Milliseconds that a batch of steps should take at most: ids are read by the batch, and a stream must look smooth. */
const smooth = 25;

/** Batches under way at once: while one is read, the device works on the other. */
const batchesAtOnce = 2;

/** Steps that are read together. */
interface Batch {
  /** Steps before it. */
  readonly first: number;
  readonly count: number;
  readonly ids: Promise<readonly HostData[]>;
  /** How many of its ids were taken. */
  taken: number;
  /** Whether they have been read. */
  read: boolean;
}

/** What a step drew. */
export interface QueuedStep {
  /** The ids, `[B]`. */
  readonly ids: Int32Array;
  /** Which of all steps it was, from 1 on. */
  readonly step: number;
}

/**
 * Runs a program whose steps feed themselves. Where the backend can run ahead, at most two batches of steps are under way,
 * with one step more than were taken since the queue was last cleared, so that little is lost when nobody wants them. A
 * batch grows as far as it is read within 25 ms.
 */
export class StepQueue {
  /** Steps handed to the device so far. */
  last = 0;
  readonly #program: Program;
  #batches: Batch[] = [];
  /** Steps taken since it was cleared. */
  #taken = 0;
  /** Steps of a batch that is read soon enough. */
  #fitting = 1;

  /** Takes a program with output `ids`. */
  constructor(program: Program) {
    this.#program = program;
  }

  /** The next step, of which `ahead` are foreseen, this one among them. */
  async next(ahead: number): Promise<QueuedStep> {
    const most = this.#program.runAhead === undefined ? 1 : Math.min(ahead, this.#taken + 1);
    while (this.#batches.length < batchesAtOnce && this.#unread < most) {
      this.#submit(Math.min(most - this.#unread, this.#fitting, Math.ceil(most / batchesAtOnce)));
    }
    const batch = this.#batches[0]!;
    const all = await batch.ids;
    const ids = all[batch.taken++] as Int32Array;
    if (batch.taken === batch.count) this.#batches.shift();
    this.#taken++;
    return { ids, step: batch.first + batch.taken };
  }

  /** Drops the steps that nobody took, and says whether there were any: then the device is further on. */
  clear(): boolean {
    const further = this.#batches.length > 0;
    this.#batches = [];
    this.#taken = 0;
    return further;
  }

  /** Steps under way or read that nobody took. */
  get #unread(): number {
    return this.#batches.reduce((sum, { count, taken }) => sum + count - taken, 0);
  }

  #submit(count: number): void {
    const start = performance.now();
    // The device comes to these steps after those that it still works on.
    const steps = this.#batches.reduce((sum, batch) => batch.read ? sum : sum + batch.count, count);
    const ids = this.#run(count).then((all) => {
      batch.read = true;
      this.#fitting = Math.max(1, Math.floor(steps * smooth / (performance.now() - start)));
      return all;
    });
    ids.catch(() => {}); // whoever takes a step of it is told; perhaps nobody does
    const batch: Batch = { first: this.last, count, ids, taken: 0, read: false };
    this.#batches.push(batch);
    this.last += count;
  }

  async #run(count: number): Promise<readonly HostData[]> {
    if (this.#program.runAhead !== undefined) return await this.#program.runAhead(count, "ids");
    this.#program.run();
    return [await this.#program.read("ids")];
  }
}
