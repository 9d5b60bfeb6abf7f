/**
 * Rows and statistics that stand for tensors too large to store.
 *
 * @module
 */
import { type Check, type Numbers, same, within } from "./check.ts";

/** What a document tells of all numbers of a tensor. */
export interface Statistics {
  /** How many there are. */
  readonly n: number;
  /** Their sum. */
  readonly sum: number;
  /** Sum of their absolute values. */
  readonly abs_sum: number;
  /** Sum of their squares. */
  readonly sq_sum: number;
  /** The smallest. */
  readonly min: number;
  /** The largest. */
  readonly max: number;
}

/** Compares extremes, mean, mean absolute value and root mean square: each moves by no more than a number does. */
export function* checkStatistics(
  stage: string,
  values: Numbers,
  { expected, tolerance }: { expected: Statistics; tolerance: number },
): Generator<Check> {
  yield same(`${stage}.n`, { actual: [values.length], expected: [expected.n] });
  let [sum, abs, square, min, max] = [0, 0, 0, Infinity, -Infinity];
  for (let i = 0; i < values.length; i++) {
    const value = values[i]!;
    [sum, abs, square] = [sum + value, abs + Math.abs(value), square + value * value];
    [min, max] = [Math.min(min, value), Math.max(max, value)];
  }
  const { n } = expected;
  yield within(stage, {
    actual: [min, max, sum / n, abs / n, Math.sqrt(square / n)],
    expected: [expected.min, expected.max, expected.sum / n, expected.abs_sum / n, Math.sqrt(expected.sq_sum / n)],
    tolerance,
  });
}

/** The rows of a tensor whose leading extents multiply to `count`, each a view. */
export function rowsOf(values: Float32Array, count: number): Float32Array[] {
  const width = values.length / count;
  return Array.from({ length: count }, (_, row) => values.subarray(row * width, (row + 1) * width));
}

/** The numbers of some of the rows, end to end. */
export function pick(rows: readonly Float32Array[], wanted: Numbers): number[] {
  return Array.from(wanted).flatMap((row) => [...rows[row] ?? []]);
}

/** Sum in f64. */
export function sum(numbers: Numbers): number {
  let total = 0;
  for (let i = 0; i < numbers.length; i++) total += numbers[i]!;
  return total;
}
