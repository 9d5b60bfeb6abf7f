/**
 * One compared stage of a golden case: what came out, and how it is told.
 *
 * @module
 */

/** How a stage ended; `skipped` waits for a faster backend. */
export type Status = "passed" | "failed" | "skipped";

/** One stage of a case. */
export interface Check {
  /** Name of the stage, for instance `img1.logits`. */
  readonly stage: string;
  /** How it ended. */
  readonly status: Status;
  /** Differences and tolerances, or why. */
  readonly detail: string;
}

/** Numbers of any kind. */
export type Numbers = ArrayLike<number>;

/** A stage that passes when no number is off by more than the tolerance. */
export function within(
  stage: string,
  { actual, expected, tolerance }: { actual: Numbers; expected: Numbers; tolerance: number },
): Check {
  const difference = largestDifference(actual, expected);
  const verdict = `largest difference ${show(difference)}, tolerance ${show(tolerance)}`;
  const sizes = actual.length === expected.length ? "" : `, ${actual.length} numbers instead of ${expected.length}`;
  return verdictOf(stage, difference <= tolerance, verdict + sizes);
}

/** A stage that passes when both lists are the same. */
export function same(
  stage: string,
  { actual, expected }: { actual: readonly unknown[] | Numbers; expected: readonly unknown[] | Numbers },
): Check {
  const [a, b] = [Array.from(actual), Array.from(expected)];
  const odd = Array.from({ length: Math.max(a.length, b.length) }, (_, i) => i).find((i) => a[i] !== b[i]);
  if (odd === undefined) return verdictOf(stage, true, `${b.length} equal`);
  return verdictOf(stage, false, `element ${odd} is ${a[odd]}, expected ${b[odd]}`);
}

/** A stage judged elsewhere. */
export function verdictOf(stage: string, passed: boolean, detail: string): Check {
  return { stage, status: passed ? "passed" : "failed", detail };
}

/** Largest absolute difference; infinite for lists of different length, and for NaN on one side or both. */
export function largestDifference(actual: Numbers, expected: Numbers): number {
  if (actual.length !== expected.length) return Infinity;
  let largest = 0;
  for (let i = 0; i < actual.length; i++) {
    const difference = Math.abs(actual[i]! - expected[i]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}

function show(number: number): string {
  return number === 0 || number === Infinity ? String(number) : number.toExponential(1).replace(".0e", "e");
}
