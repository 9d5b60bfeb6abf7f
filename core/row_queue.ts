/**
 * Who gets which rows of a KV cache, and who waits for them.
 *
 * @module
 */

/** What a taker of rows says. */
export interface TakeOptions {
  /** Tokens of the taker's prompt that an idle row holds from the start on. */
  readonly worth: (row: number) => number;
  /** Ends waiting with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** One who waits for rows. */
interface Waiting {
  readonly count: number;
  readonly go: () => void;
}

/** Hands out rows, first come, first served. */
export class RowQueue {
  /** Idle rows, used last at the end. */
  readonly #idle: number[];
  readonly #line: Waiting[] = [];

  /** Takes how many rows there are. */
  constructor(rows: number) {
    this.#idle = Array.from({ length: rows }, (_, row) => row);
  }

  /**
   * Rows of one's own until they are given back: first the one that is worth most, where that is more than the one token
   * that all prompts begin with; else, and for the others, those that were not used for longest. Waits until there are
   * as many.
   *
   * @throws the signal's reason once it is aborted
   */
  async take(count: number, { worth, signal }: TakeOptions): Promise<readonly number[]> {
    if (this.#line.length === 0 && this.#idle.length >= count) return this.#choose(count, worth);
    signal?.throwIfAborted();
    return await new Promise((resolve, reject) => {
      const waiting: Waiting = {
        count,
        go: () => {
          signal?.removeEventListener("abort", leave);
          resolve(this.#choose(count, worth));
        },
      };
      const leave = () => {
        this.#line.splice(this.#line.indexOf(waiting), 1);
        reject(signal?.reason);
        this.#admit();
      };
      this.#line.push(waiting);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }

  /** Gives rows back. */
  give(rows: readonly number[]): void {
    this.#idle.push(...rows);
    this.#admit();
  }

  #choose(count: number, worth: (row: number) => number): readonly number[] {
    const worths = this.#idle.map(worth);
    const most = Math.max(...worths);
    const best = this.#idle.splice(most > 1 ? worths.indexOf(most) : 0, 1);
    return [...best, ...this.#idle.splice(0, count - 1)];
  }

  /** Lets those in line go on as long as there are rows for the first of them. */
  #admit(): void {
    while (this.#line.length > 0 && this.#line[0]!.count <= this.#idle.length) this.#line.shift()!.go();
  }
}
