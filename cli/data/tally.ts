/**
 * Counts what is found in a data set.
 *
 * @module
 */
import type { BadRowReason, DatasetError } from "../../data/datasets/mod.ts";

/** Smallest, mean and largest of something. */
export interface Spread {
  /** The smallest. */
  readonly min: number;
  /** The mean. */
  readonly mean: number;
  /** The largest. */
  readonly max: number;
}

/** What was found. */
export interface Summary {
  /** The file. */
  readonly file: string;
  /** Its rows. */
  readonly rows: number;
  /** How many were checked. */
  readonly checked: number;
  /** How many of those can be learnt from. */
  readonly good: number;
  /** Images of good rows. */
  readonly images: number;
  /** Good rows without an image. */
  readonly textOnly: number;
  /** Good rows that were cut. */
  readonly cut: number;
  /** Tokens of good rows before the cut; absent without a tokenizer. */
  readonly tokens?: Spread | undefined;
  /** Tokens to learn of good rows; absent without a tokenizer. */
  readonly labels?: Spread | undefined;
  /** How many rows cannot be learnt from, why, and what was said of the first. */
  readonly problems: Readonly<Partial<Record<BadRowReason, { readonly count: number; readonly first: string }>>>;
}

/** Numbers of a good row. */
export interface RowCounts {
  /** Tokens before the cut. */
  readonly tokens: number;
  /** Tokens after it. */
  readonly cut: number;
  /** Tokens to learn. */
  readonly labels: number;
  /** Images. */
  readonly images: number;
}

/** Counts rows. */
export class Tally {
  readonly #rows: RowCounts[] = [];
  readonly #problems = new Map<BadRowReason, { count: number; first: string }>();

  /** Counts a good row. */
  add(row: RowCounts): void {
    this.#rows.push(row);
  }

  /** Counts a bad one. */
  addProblem({ reason, message }: DatasetError): void {
    const known = this.#problems.get(reason);
    if (known === undefined) this.#problems.set(reason, { count: 1, first: message });
    else known.count++;
  }

  /** What was found; `counted` tells whether tokens were real ones. */
  summary({ counted, ...file }: { readonly file: string; readonly rows: number; readonly counted: boolean }): Summary {
    const bad = [...this.#problems.values()].reduce((sum, { count }) => sum + count, 0);
    const good = this.#rows.length;
    return {
      ...file,
      checked: good + bad,
      good,
      images: this.#rows.reduce((sum, { images }) => sum + images, 0),
      textOnly: this.#rows.filter(({ images }) => images === 0).length,
      cut: this.#rows.filter(({ tokens, cut }) => cut < tokens).length,
      ...(counted && good > 0
        ? {
          tokens: spread(this.#rows.map(({ tokens }) => tokens)),
          labels: spread(this.#rows.map(({ labels }) => labels)),
        }
        : {}),
      problems: Object.fromEntries([...this.#problems].sort(([, a], [, b]) => b.count - a.count)),
    };
  }
}

function spread(values: readonly number[]): Spread {
  let [min, max, sum] = [Infinity, -Infinity, 0];
  for (const value of values) {
    min = Math.min(min, value);
    max = Math.max(max, value);
    sum += value;
  }
  return { min, mean: Math.round(10 * sum / values.length) / 10, max };
}
