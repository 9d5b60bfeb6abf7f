/**
 * The training loop: batches, updates, validation and checkpoints as a stream of events.
 *
 * @module
 */
import type { Backend } from "../core/backend.ts";
import { findBadTensor } from "./bad_tensor.ts";
import type { TrainBatch } from "./batch.ts";
import type { BatchSource } from "./batch_source.ts";
import { type Cursor, type RunState, startState } from "./run_state.ts";
import type { Schedule } from "./schedule.ts";
import type { TrainEvent, Validation } from "./train_events.ts";
import type { TrainStep } from "./train_step.ts";

/**
 * What becomes of the batches at the end of an epoch that are too few for an update: `flush` makes an update of them,
 * with the weight they have (minimind-3v); `carry` adds them to the first update of the next epoch, which then has the
 * gradients of more batches than others, and drops those of the last epoch (MiniMind2-V).
 */
export type AccumulationTail = "flush" | "carry";

/** Options of {@link train}. */
export interface TrainOptions {
  /** Forward, backward, update. */
  readonly step: TrainStep;
  /** The backend of the step. */
  readonly backend: Backend;
  /** What is learnt from. */
  readonly batches: BatchSource;
  /** Learning rate by the number of batches done before, over all epochs: upstream counts batches and not updates. */
  readonly schedule: Schedule;
  /** Epochs of the whole run. */
  readonly epochs: number;
  /** Batches an update, the same number that the step was made with. Default 1. */
  readonly accumulation?: number | undefined;
  /** What becomes of batches that are left at the end of an epoch. Default `flush`. */
  readonly tail?: AccumulationTail | undefined;
  /** Where to begin; parameters and moments must be those of this state. Default the start. */
  readonly state?: RunState | undefined;
  /** Validates with the parameters as they are. Default: nothing is validated. */
  readonly validate?: (() => Promise<Validation>) | undefined;
  /** Batches between validations; there is one at the end in any case. Default: one after each epoch. */
  readonly validateEvery?: number | undefined;
  /** Saves the run; `best` where the last validation was the best. Default: nothing is saved. */
  readonly save?: ((state: RunState, options: { readonly best: boolean }) => Promise<void>) | undefined;
  /** Batches between checkpoints; there is one at the end in any case. Default: one after each epoch. */
  readonly saveEvery?: number | undefined;
  /** Updates in a row that may be left out as not finite before the run is given up. Default 10. */
  readonly maxSkips?: number | undefined;
  /** Ends the run: what was learnt up to the last update is saved, then the reason is thrown. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Trains and tells what happens. A batch of which all rows were left out takes its place in the schedule, but nothing is
 * learnt from it, and without any other no update is made. Validations and checkpoints come right after an update, the first one that reaches or
 * passes their number of batches. Only there may the caller use the parameters or stop listening.
 *
 * @throws {RangeError} if there are no batches, an epoch has nothing to learn, or too many updates in a row were not
 *   finite
 * @throws the signal's reason once it is aborted
 *
 * @example
 * ```ts ignore
 * for await (const event of train({ step, backend, batches, schedule, epochs: 2 })) {
 *   if (event.type === "step") console.log(event.loss);
 * }
 * ```
 */
export function train(options: TrainOptions): AsyncGenerator<TrainEvent, void, void> {
  return new Run(options).events();
}

/** Batches that wait for their update. */
interface Pending {
  /** Those that have something to learn. */
  readonly batches: TrainBatch[];
  readonly cursors: Cursor[];
  /** All of them, and their tokens. */
  passed: number;
  tokens: number;
  total: number;
  crossEntropy: number;
}

class Run {
  readonly #options: TrainOptions;
  /** Batches that updates are made of. */
  readonly #totalBatches: number;
  #state: RunState;
  #skipsInARow = 0;
  /** Whether something was learnt in this epoch; a run that goes on within one does not know. */
  #learns: boolean;
  /** Seconds of learning and tokens learnt since the run began or went on. */
  #busy = { seconds: 0, tokens: 0, batches: 0 };

  constructor(options: TrainOptions) {
    const { batches: { batchesPerEpoch }, epochs, accumulation = 1, tail = "flush", state = startState } = options;
    if (!(batchesPerEpoch >= 1 && epochs >= 1)) {
      throw new RangeError(`Cannot train: ${epochs} epochs of ${batchesPerEpoch} batches`);
    }
    if (!Number.isInteger(accumulation) || accumulation < 1) {
      throw new RangeError(`Cannot train: ${accumulation} batches make no update`);
    }
    const dropped = tail === "carry" ? batchesPerEpoch % accumulation : 0;
    if (dropped === batchesPerEpoch) {
      throw new RangeError(`Cannot train: ${batchesPerEpoch} batches of an epoch make no update of ${accumulation}`);
    }
    this.#options = options;
    this.#totalBatches = epochs * batchesPerEpoch - dropped;
    this.#state = state;
    this.#learns = state.cursor.batch > 0;
    options.step.updates = state.updates;
    if (state.lossScale !== undefined) options.step.lossScale = state.lossScale;
  }

  async *events(): AsyncGenerator<TrainEvent, void, void> {
    const { validate, validateEvery, saveEvery, signal, step } = this.#options;
    const began = performance.now();
    let saved = true;
    let cursor = this.#state.cursor;
    let next = this.#fetch(cursor);
    while (!this.#isEnd(cursor)) {
      const start = performance.now();
      const pending: Pending = { batches: [], cursors: [], passed: 0, tokens: 0, total: 0, crossEntropy: 0 };
      let updates: boolean;
      do {
        if (signal?.aborted) {
          if (!saved) yield* this.#save(false);
          throw signal.reason;
        }
        const batch = (await next)!;
        const learns = batch.targets.some((id) => id >= 0);
        if (learns) {
          pending.batches.push(batch);
          pending.cursors.push(cursor);
        }
        this.#learns ||= learns;
        pending.passed++;
        pending.tokens += batch.ids.length;
        updates = this.#updatesAfter(cursor);
        cursor = this.#after(cursor);
        if (cursor.batch === 0 && !this.#learns) throw new RangeError("Cannot train: no row of an epoch can be learnt");
        if (cursor.batch === 0) this.#learns = false;
        // The next batch is read, decoded and resized while this one is learnt.
        next = this.#fetch(cursor);
        if (!learns) continue;
        const { total, crossEntropy } = await step.backward(batch);
        pending.total += total;
        pending.crossEntropy += crossEntropy;
      } while (!updates);

      const before = this.#state.batches;
      const event = await this.#update(pending, { cursor, start });
      if (event !== undefined) yield event;
      saved = false;
      const ended = this.#isEnd(cursor);
      const due = (every = this.#options.batches.batchesPerEpoch) =>
        ended || Math.floor(before / every) < Math.floor(this.#state.batches / every);
      let best = false;
      if (validate !== undefined && due(validateEvery)) {
        const validation = await validate();
        best = validation.loss < (this.#state.bestLoss ?? Infinity);
        if (best) this.#state = { ...this.#state, bestLoss: validation.loss };
        yield { type: "validation", batches: this.#state.batches, ...validation, best };
      }
      if (best || due(saveEvery)) {
        yield* this.#save(best);
        saved = true;
      }
    }
    yield { type: "finish", state: this.#state, seconds: (performance.now() - began) / 1000 };
  }

  async #update(
    { batches, cursors, passed, tokens, total, crossEntropy }: Pending,
    { cursor, start }: { readonly cursor: Cursor; readonly start: number },
  ): Promise<TrainEvent | undefined> {
    const { step, backend, schedule, maxSkips = 10 } = this.#options;
    const learningRate = schedule(this.#state.batches + passed - 1);
    const count = batches.length;
    const { norm, applied, lossScale } = count === 0
      ? { norm: 0, applied: true, lossScale: undefined }
      : await step.update(learningRate);
    const seconds = (performance.now() - start) / 1000;
    this.#busy = {
      seconds: this.#busy.seconds + seconds,
      tokens: this.#busy.tokens + tokens,
      batches: this.#busy.batches + passed,
    };
    this.#state = {
      ...this.#state,
      cursor,
      batches: this.#state.batches + passed,
      updates: step.updates,
      skipped: this.#state.skipped + (applied ? 0 : 1),
      tokens: this.#state.tokens + tokens,
      ...step.lossScale !== undefined && { lossScale: step.lossScale },
    };
    if (count === 0) return undefined;
    if (!applied) {
      const isLast = ++this.#skipsInARow >= maxSkips;
      // A scale that was too large is nothing wrong with a tensor, and half of it is next.
      const bad = lossScale !== undefined && lossScale > 1 && !isLast
        ? { batch: count - 1, parameter: undefined }
        : await findBadTensor({ step, backend }, batches);
      if (isLast) {
        const what = bad.parameter === undefined ? "the norm of all" : `that of "${bad.parameter}" first`;
        throw new RangeError(`Cannot train: the gradients of ${maxSkips} updates in a row are not finite, ${what}`);
      }
      const { skipped } = this.#state;
      return {
        type: "skip",
        cursor: cursors[bad.batch]!,
        ...bad.parameter !== undefined && { parameter: bad.parameter },
        ...step.lossScale !== undefined && { lossScale: step.lossScale.scale },
        batches: this.#state.batches,
        skipped,
      };
    }
    this.#skipsInARow = 0;
    const totalBatches = this.#totalBatches;
    return {
      type: "step",
      epoch: cursors.at(-1)!.epoch,
      batches: this.#state.batches,
      totalBatches,
      updates: step.updates,
      loss: total / count,
      auxLoss: (total - crossEntropy) / count,
      learningRate,
      norm,
      ...lossScale !== undefined && { lossScale },
      tokens: this.#state.tokens,
      tokensPerSecond: tokens / seconds,
      secondsLeft: (totalBatches - this.#state.batches) * this.#busy.seconds / this.#busy.batches,
    };
  }

  async *#save(best: boolean): AsyncGenerator<TrainEvent, void, void> {
    const { save } = this.#options;
    if (save === undefined) return;
    await save(this.#state, { best });
    yield { type: "checkpoint", state: this.#state, best };
  }

  #after({ epoch, batch }: Cursor): Cursor {
    const last = batch + 1 >= this.#options.batches.batchesPerEpoch;
    return last ? { epoch: epoch + 1, batch: 0 } : { epoch, batch: batch + 1 };
  }

  /** Whether an update follows a batch. */
  #updatesAfter({ batch }: Cursor): boolean {
    const { accumulation = 1, tail = "flush", batches: { batchesPerEpoch } } = this.#options;
    return (batch + 1) % accumulation === 0 || (tail === "flush" && batch + 1 === batchesPerEpoch);
  }

  /** Whether no update comes any more. */
  #isEnd({ epoch, batch }: Cursor): boolean {
    return epoch * this.#options.batches.batchesPerEpoch + batch >= this.#totalBatches;
  }

  /** Starts reading a batch; its error is thrown where somebody waits for it. Undefined at the end of the run. */
  #fetch(cursor: Cursor): Promise<TrainBatch> | undefined {
    if (this.#isEnd(cursor)) return undefined;
    const batch = this.#options.batches.batch(cursor);
    batch.catch(() => {});
    return batch;
  }
}
