/**
 * Counts the rows that a run leaves out, each once.
 *
 * @module
 */
import type { BadRowReason, DatasetError } from "../../data/datasets/mod.ts";
import { counted } from "../format.ts";

/** Rows of which each is named; the others are only counted. */
const named = 20;

/** Counts rows. */
export class SkippedRows {
  /** How many there are by reason. */
  readonly counts: Partial<Record<BadRowReason, number>> = {};
  readonly #seen = new Set<string>();
  readonly #say: (line: string) => void;

  /** Takes what says a line. */
  constructor(say: (line: string) => void) {
    this.#say = say;
  }

  /** Counts a row, unless it came up before, as it does in every epoch. */
  add({ message, reason }: DatasetError): void {
    const row = message.slice(0, message.indexOf('": ')); // its number and file
    if (this.#seen.has(row)) return;
    this.#seen.add(row);
    this.counts[reason] = (this.counts[reason] ?? 0) + 1;
    if (this.#seen.size <= named) this.#say(`left out: ${message}`);
    if (this.#seen.size === named) this.#say("more rows that are left out are only counted");
  }

  /** `3 rows left out: image-missing 2, no-labels 1`; undefined if there is none. */
  summary(): string | undefined {
    const { size } = this.#seen;
    if (size === 0) return undefined;
    const reasons = Object.entries(this.counts).sort(([, a], [, b]) => b - a).map(([reason, n]) => `${reason} ${n}`);
    return `${counted(size, "row")} left out: ${reasons.join(", ")}`;
  }
}
