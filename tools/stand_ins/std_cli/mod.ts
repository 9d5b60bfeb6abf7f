/**
 * Stand-in for the part of `@std/cli` that the command line uses: same names, signatures and behaviour.
 *
 * The build machines cannot reach JSR, so the workspace resolves `jsr:@std/cli` here. A published package
 * depends on the real one.
 *
 * @module
 */
export * from "./parse_args.ts";
