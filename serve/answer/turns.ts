/**
 * Turns of the event loop while steps follow each other.
 *
 * @module
 */

/** Bounds, in milliseconds, of the time between two turns. */
const [least, most] = [4, 20];

/** Times as long as a turn takes lie between two of them, so that they cost an eighth at most. */
const spacing = 8;

/**
 * Lets sockets, deadlines and those who leave have their turn: a backend on one thread never waits, and whoever reads an
 * answer in the same process need not either.
 */
export class Turns {
  #pending: Promise<void> | undefined;
  #last = performance.now();
  #cost = 1;

  /** Waits for a turn if there was none for a while; all who wait share it. */
  take(): Promise<void> | undefined {
    const start = performance.now();
    if (this.#pending !== undefined) return this.#pending;
    if (start - this.#last < Math.min(most, Math.max(least, spacing * this.#cost))) return undefined;
    // A timer: after a message, an immediate or a digest Deno goes on without a look at its sockets.
    return this.#pending = new Promise((resolve) =>
      setTimeout(() => {
        this.#last = performance.now();
        this.#cost = this.#last - start;
        this.#pending = undefined;
        resolve();
      })
    );
  }
}
