/**
 * Assertions on numbers, strings and arrays.
 *
 * @module
 */
import { AssertionError, withMessage } from "./assertion_error.ts";
import { format } from "./diff.ts";
import { equal } from "./equal.ts";

/** Fails unless |actual − expected| ≤ tolerance; the default is 1e-7 of expected. */
export function assertAlmostEquals(actual: number, expected: number, tolerance?: number, msg?: string): void {
  if (Object.is(actual, expected)) return;
  const allowed = tolerance ?? (Number.isFinite(expected) ? Math.abs(expected * 1e-7) : 1e-7);
  const delta = Math.abs(expected - actual);
  if (delta <= allowed) return;
  const message = `Expected actual: "${actual}" to be close to "${expected}": delta "${delta}" is greater than ` +
    `"${allowed}"`;
  throw new AssertionError(withMessage(message, msg));
}

/** Fails unless actual > expected. */
export function assertGreater<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual > expected)) throw new AssertionError(withMessage(`Expect ${actual} > ${expected}`, msg));
}

/** Fails unless actual ≥ expected. */
export function assertGreaterOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual >= expected)) throw new AssertionError(withMessage(`Expect ${actual} >= ${expected}`, msg));
}

/** Fails unless actual < expected. */
export function assertLess<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual < expected)) throw new AssertionError(withMessage(`Expect ${actual} < ${expected}`, msg));
}

/** Fails unless actual ≤ expected. */
export function assertLessOrEqual<T>(actual: T, expected: T, msg?: string): void {
  if (!(actual <= expected)) throw new AssertionError(withMessage(`Expect ${actual} <= ${expected}`, msg));
}

/** Fails unless `actual` contains `expected`. */
export function assertStringIncludes(actual: string, expected: string, msg?: string): void {
  if (actual.includes(expected)) return;
  throw new AssertionError(withMessage(`Expected actual: "${actual}" to contain: "${expected}"`, msg));
}

/** Fails unless `actual` matches `expected`. */
export function assertMatch(actual: string, expected: RegExp, msg?: string): void {
  if (actual.match(expected) !== null) return;
  throw new AssertionError(withMessage(`Expected actual: "${actual}" to match: "${expected}"`, msg));
}

/** Fails if `actual` matches `expected`. */
export function assertNotMatch(actual: string, expected: RegExp, msg?: string): void {
  if (actual.match(expected) === null) return;
  throw new AssertionError(withMessage(`Expected actual: "${actual}" to not match: "${expected}"`, msg));
}

/** Fails unless every element of `expected` equals one of `actual`. */
export function assertArrayIncludes<T>(actual: ArrayLike<T>, expected: ArrayLike<T>, msg?: string): void {
  const all = Array.from(actual);
  const missing = Array.from(expected).filter((value) => !all.some((other) => equal(value, other)));
  if (missing.length === 0) return;
  const message = `Expected actual: "${format(all)}" to include: "${format(Array.from(expected))}"`;
  throw new AssertionError(`${withMessage(message, msg)}\nmissing: ${format(missing)}`);
}
