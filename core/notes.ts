/**
 * The contract of notes: short texts that outlive the program, for what was found out about a machine.
 *
 * @module
 */

/** Short texts by name. What is kept may be lost at any time; whoever reads it can do without. */
export interface Notes {
  /** The text of a name; undefined if there is none, or it may not be read. Nobody is asked for a permission. */
  read(name: string): Promise<string | undefined>;
  /** Keeps a text where that is possible, and else does nothing. */
  write(name: string, text: string): Promise<void>;
}
