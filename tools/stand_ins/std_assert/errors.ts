/**
 * Assertions on classes and on what is thrown.
 *
 * @module
 */
import { AssertionError, withMessage } from "./assertion_error.ts";

/** A class that may be abstract or have a private constructor. */
type Class<T> = abstract new (...args: never[]) => T;

/** Fails unless `actual` is an instance of the class. */
export function assertInstanceOf<T>(actual: unknown, expectedType: Class<T>, msg?: string): asserts actual is T {
  if (actual instanceof expectedType) return;
  const is = actual instanceof Object ? actual.constructor?.name ?? "Object" : String(actual);
  throw new AssertionError(
    withMessage(`Expected object to be an instance of "${expectedType.name}" but was "${is}"`, msg),
  );
}

/** Fails unless `error` is an Error, of the class if given, whose message contains or matches the text if given. */
export function assertIsError<E extends Error = Error>(
  error: unknown,
  ErrorClass?: Class<E>,
  msgMatches?: string | RegExp,
  msg?: string,
): asserts error is E {
  assertInstanceOf(error, Error, msg);
  if (ErrorClass !== undefined) assertInstanceOf(error, ErrorClass, msg);
  if (msgMatches === undefined) return;
  const fits = typeof msgMatches === "string" ? error.message.includes(msgMatches) : msgMatches.test(error.message);
  if (!fits) {
    throw new AssertionError(
      withMessage(`Expected error message to include "${msgMatches}", but got "${error.message}"`, msg),
    );
  }
}

/** Fails unless `fn` throws; returns what it threw. */
export function assertThrows(fn: () => unknown, msg?: string): unknown;
/** Fails unless `fn` throws an error of the class whose message contains the text; returns the error. */
export function assertThrows<E extends Error = Error>(
  fn: () => unknown,
  ErrorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): E;
export function assertThrows(
  fn: () => unknown,
  classOrMsg?: Class<Error> | string,
  msgIncludes?: string,
  msg?: string,
): unknown {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  let thrown: unknown;
  try {
    fn();
  } catch (error) {
    thrown = error;
    expected.check(error);
    return thrown;
  }
  throw new AssertionError(withMessage("Expected function to throw", expected.msg));
}

/** Fails unless `fn` returns a promise that rejects; resolves to what it rejected with. */
export function assertRejects(fn: () => PromiseLike<unknown>, msg?: string): Promise<unknown>;
/** Fails unless the promise rejects with an error of the class whose message contains the text; resolves to it. */
export function assertRejects<E extends Error = Error>(
  fn: () => PromiseLike<unknown>,
  ErrorClass: Class<E>,
  msgIncludes?: string,
  msg?: string,
): Promise<E>;
export async function assertRejects(
  fn: () => PromiseLike<unknown>,
  classOrMsg?: Class<Error> | string,
  msgIncludes?: string,
  msg?: string,
): Promise<unknown> {
  const expected = expectation(classOrMsg, msgIncludes, msg);
  let promise: PromiseLike<unknown> | undefined;
  try {
    promise = fn();
    await promise;
  } catch (error) {
    if (promise === undefined) {
      throw new AssertionError(withMessage("Function throws when expected to reject", expected.msg), { cause: error });
    }
    expected.check(error);
    return error;
  }
  throw new AssertionError(withMessage("Expected function to reject", expected.msg));
}

/** The two call forms made one: what to check, and the caller's message. */
function expectation(
  classOrMsg: Class<Error> | string | undefined,
  msgIncludes: string | undefined,
  msg: string | undefined,
): { check: (error: unknown) => void; msg: string | undefined } {
  if (typeof classOrMsg !== "function") return { check: () => {}, msg: classOrMsg };
  return { check: (error) => assertIsError(error, classOrMsg, msgIncludes, msg), msg };
}
