/**
 * Stand-in for the part of `@std/assert` that the tests use: same names, signatures and behaviour.
 *
 * The build machines cannot reach JSR, so the workspace resolves `jsr:@std/assert` here. A published package
 * depends on the real one.
 *
 * @module
 */
export { AssertionError } from "./assertion_error.ts";
export * from "./comparisons.ts";
export * from "./equal.ts";
export * from "./errors.ts";
export * from "./equality.ts";
