/**
 * Samples in the order of an epoch, made ahead of the step that needs them, from a place that can be saved.
 *
 * @module
 */
import type { Dataset } from "./dataset.ts";
import { type BadRowReason, cannotRead, DatasetError } from "./dataset_error.ts";
import { epochOrder, type NearShuffle } from "./epoch_order.ts";
import type { Sample, SampleMaker } from "./sample.ts";

/** A place in the data: kept in a checkpoint, it goes on from there. */
export interface DataCursor {
  /** Number of the epoch, from 0. */
  readonly epoch: number;
  /** How many rows of the epoch are behind it, bad ones included. */
  readonly index: number;
}

/** What is done with a bad row: the run ends, or it is counted and left out. */
export type OnBadRow = "error" | "skip";

/** Options of {@link SampleLoader}. */
export interface SampleLoaderOptions<Image> {
  /** Makes samples. */
  readonly maker: SampleMaker<Image>;
  /** What to do with a row that cannot be learnt from. Default `error`. */
  readonly onBad?: OnBadRow | undefined;
  /** Told of every row that is left out. */
  readonly onSkip?: ((error: DatasetError) => void) | undefined;
  /** Start of the generators of order and variations; the epoch is added. Default 42, as upstream's. */
  readonly seed?: number | undefined;
  /** Whether to shuffle the rows anew in each epoch, or how near each other they stay. Default as the data set says. */
  readonly shuffle?: boolean | NearShuffle | undefined;
  /** Samples that are made at the same time and ahead. Default 8. */
  readonly ahead?: number | undefined;
  /** Where to begin. Default the first row of epoch 0. */
  readonly cursor?: DataCursor | undefined;
}

/** Options of {@link SampleLoader.epoch}. */
export interface EpochOptions {
  /** Ends it. */
  readonly signal?: AbortSignal | undefined;
}

/** Goes through a data set, epoch by epoch. */
export class SampleLoader<Image> {
  readonly #dataset: Dataset;
  readonly #options: SampleLoaderOptions<Image>;
  readonly #skipped = new Map<BadRowReason, number>();
  #cursor: DataCursor;

  /**
   * Begins at the cursor.
   *
   * @throws {RangeError} if the data set has no rows, the cursor is not within it, or `ahead` is not above 0
   */
  constructor(dataset: Dataset, options: SampleLoaderOptions<Image>) {
    const { cursor = { epoch: 0, index: 0 }, ahead = 8 } = options;
    const { epoch, index } = cursor;
    if (dataset.length === 0) throw new RangeError(`Cannot load samples of "${dataset.name}": it has no rows`);
    const fine = [epoch, index].every((number) => Number.isSafeInteger(number) && number >= 0);
    if (!fine || index > dataset.length) {
      const place = `row ${index} of epoch ${epoch}`;
      throw new RangeError(`Cannot go on at ${place} of "${dataset.name}": an epoch has ${dataset.length} rows`);
    }
    if (!Number.isInteger(ahead) || ahead < 1) throw new RangeError(`Cannot make ${ahead} samples ahead: at least 1`);
    this.#dataset = dataset;
    this.#options = options;
    this.#cursor = { epoch, index };
  }

  /** The place behind the sample that was given last. */
  get cursor(): DataCursor {
    return this.#cursor;
  }

  /** How many rows were left out, by reason. */
  get skipped(): ReadonlyMap<BadRowReason, number> {
    return this.#skipped;
  }

  /**
   * The samples from the cursor to the end of its epoch, in order; then the cursor is at the start of the next one.
   * Left early, it goes on there when called again, whatever was made ahead.
   *
   * @throws {DatasetError} for a bad row unless those are skipped, or if a whole epoch had only bad ones
   */
  async *epoch({ signal }: EpochOptions = {}): AsyncGenerator<Sample<Image>, void> {
    const { seed = 42, shuffle = this.#dataset.nearby, ahead = 8 } = this.#options;
    const { epoch, index: first } = this.#cursor;
    const order = epochOrder(this.#dataset.length, { seed, epoch, shuffle });
    const left = new AbortController();
    const ends = signal === undefined ? left.signal : AbortSignal.any([signal, left.signal]);
    const queue: Promise<Sample<Image> | DatasetError>[] = [];
    let next = first;
    let given = 0;
    try {
      for (let index = first; index < order.length; index++) {
        signal?.throwIfAborted();
        for (; next < order.length && queue.length < ahead; next++) {
          const made = this.#make(order[next]!, { seed: seed + epoch, signal: ends });
          made.catch(() => {}); // told when its turn comes
          queue.push(made);
        }
        const sample = await queue.shift()!;
        this.#cursor = { epoch, index: index + 1 };
        if (sample instanceof DatasetError) {
          this.#skipped.set(sample.reason, (this.#skipped.get(sample.reason) ?? 0) + 1);
          this.#options.onSkip?.(sample);
        } else {
          given++;
          yield sample;
        }
      }
    } finally {
      left.abort();
    }
    if (given === 0 && first === 0) {
      const reasons = [...this.#skipped].map(([reason, count]) => `${reason} ${count}`).join(", ");
      const problem = `none of its ${order.length} rows can be learnt from: ${reasons}`;
      throw cannotRead(`"${this.#dataset.name}"`, { reason: "no-labels", problem });
    }
    this.#cursor = { epoch: epoch + 1, index: 0 };
  }

  /** A sample; a bad row's error is given back where those are skipped. */
  async #make(
    row: number,
    options: { readonly seed: number; readonly signal: AbortSignal },
  ): Promise<Sample<Image> | DatasetError> {
    try {
      return await this.#options.maker.make(await this.#dataset.row(row, options), options);
    } catch (error) {
      if (error instanceof DatasetError && this.#options.onBad === "skip") return error;
      throw error;
    }
  }
}
