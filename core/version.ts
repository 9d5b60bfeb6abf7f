/**
 * The version of the package.
 *
 * @module
 */

/** The version that `deno.json` states. */
export const version = "0.1.0";
