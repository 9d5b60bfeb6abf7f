/**
 * The order of rows in an epoch, and which rows are kept for validation.
 *
 * @module
 */
import { uniform } from "../../core/sampling.ts";

/** Which order. */
export interface EpochOrderOptions {
  /** Start of the generator; upstream's is 42, to which it adds the epoch. Default 42. */
  readonly seed?: number | undefined;
  /** Number of the epoch, from 0. Default 0. */
  readonly epoch?: number | undefined;
  /** Whether to shuffle, or how near each other rows stay. Default true: any row may be anywhere. */
  readonly shuffle?: boolean | NearShuffle | undefined;
}

/**
 * Shuffles stretches of rows that follow each other, then the rows of a few stretches together: for files of which
 * neighbours are read together, such as parquet, whose pages often have 1024 rows.
 */
export interface NearShuffle {
  /** Rows of a stretch. */
  readonly stretch: number;
  /** Stretches whose rows are mixed; about as many pages have to fit into the data set's cache. */
  readonly open: number;
}

/**
 * Numbers of the rows in the order of an epoch, `[rows]`. It depends on nothing but these numbers, so a run that is
 * resumed has the same; it is a permutation of our own (Fisher and Yates's on our counter-based generator) and not
 * PyTorch's, though seeded like upstream's with 42 + epoch.
 *
 * @throws {RangeError} if a number of a near shuffle is not above 0
 */
export function epochOrder(rows: number, options: EpochOrderOptions = {}): Uint32Array<ArrayBuffer> {
  const { seed = 42, epoch = 0, shuffle = true } = options;
  const order = Uint32Array.from({ length: rows }, (_, i) => i);
  if (shuffle === true) mix(order, seed + epoch);
  if (typeof shuffle === "boolean") return order;

  const { stretch, open } = shuffle;
  if (![stretch, open].every((number) => Number.isInteger(number) && number > 0)) {
    throw new RangeError(`Cannot shuffle ${open} stretches of ${stretch} rows: both must be whole numbers above 0`);
  }
  const stretches = mix(Uint32Array.from({ length: Math.ceil(rows / stretch) }, (_, i) => i), seed + epoch);
  for (let first = 0, place = 0; first < stretches.length; first += open) {
    const begin = place;
    for (const number of stretches.subarray(first, first + open)) {
      for (let row = number * stretch; row < Math.min(rows, (number + 1) * stretch); row++) order[place++] = row;
    }
    // Counters above those of the stretches: no draw is used twice.
    mix(order.subarray(begin, place), seed + epoch, { counter: 2 * (stretches.length + begin) });
  }
  return order;
}

/** Shuffles in place. */
function mix<Order extends Uint32Array>(order: Order, seed: number, { counter = 0 } = {}): Order {
  for (let last = order.length - 1; last > 0; last--) {
    // Two draws of 24 bits: one would leave out rows of a large data set.
    const high = uniform(seed, counter + 2 * last) * 2 ** 24;
    const other = Math.floor((high + uniform(seed, counter + 2 * last + 1)) / 2 ** 24 * (last + 1));
    [order[last], order[other]] = [order[other]!, order[last]!];
  }
  return order;
}

/** Rows to learn from, and rows to test on. */
export interface SplitRows {
  /** Rows for training, ascending. */
  readonly training: Uint32Array;
  /** Rows for validation, ascending. */
  readonly validation: Uint32Array;
}

/** How rows are split. */
export interface SplitOptions {
  /** Share of rows for validation, from 0 to below 1; at least one row unless it is 0. */
  readonly fraction: number;
  /** Start of the generator. Default 42. */
  readonly seed?: number | undefined;
}

/**
 * Splits rows at random, the same way for the same numbers.
 *
 * @throws {RangeError} if the fraction is not from 0 to below 1, or leaves no row for training
 */
export function splitRows(rows: number, { fraction, seed = 42 }: SplitOptions): SplitRows {
  const count = fraction === 0 ? 0 : Math.max(1, Math.round(rows * fraction));
  if (!(fraction >= 0 && fraction < 1) || count >= rows) {
    throw new RangeError(`Cannot keep ${fraction} of ${rows} rows for validation: some must be left for training`);
  }
  // Another stream than that of any epoch.
  const order = epochOrder(rows, { seed: ~seed });
  return { validation: order.slice(0, count).sort(), training: order.slice(count).sort() };
}
