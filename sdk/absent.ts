/**
 * Errors that say that there is nothing at a path.
 *
 * @module
 */

/** The code of an error of a runtime, for instance `ENOENT`. */
export function codeOf(error: unknown): unknown {
  return error instanceof Error && "code" in error ? error.code : undefined;
}

/** Nothing, for an error that says that there is nothing. @throws every other error */
export function ifAbsent(error: unknown): undefined {
  if (codeOf(error) !== "ENOENT" && codeOf(error) !== "ENOTDIR") throw error;
}
