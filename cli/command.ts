/**
 * What a command of the command line is.
 *
 * @module
 */
import type { Flags } from "./flags.ts";

/** One command: `minimind <name> …`. */
export interface Command {
  /** The word after `minimind`. */
  readonly name: string;
  /** What it does, in one line without a full stop. */
  readonly summary: string;
  /** Its arguments as help shows them, for instance `[DIR]`; empty when it takes only flags. */
  readonly usage: string;
  /** The flags it takes, by name in kebab-case; see `parseFlags` in `flags.ts`. */
  readonly flags: Flags;
  /** Argument lists worth copying, for instance `verify --threads 1`. */
  readonly examples: readonly string[];
  /**
   * Runs it on the arguments after its name and resolves to the exit code. `--help` never arrives here. An error
   * it throws is shown as one line, with exit code 1.
   */
  run(args: readonly string[]): Promise<number>;
}
