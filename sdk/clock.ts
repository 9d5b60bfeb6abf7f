/**
 * How long the parts of an answer took.
 *
 * @module
 */
import type { Timings } from "../core/chat_events.ts";

/** Adds up milliseconds between marks. */
export class Clock {
  readonly #timings = { imageMs: 0, encodeMs: 0, prefillMs: 0, decodeMs: 0 };
  #last = performance.now();

  /** What was measured so far. */
  get timings(): Timings {
    return { ...this.#timings };
  }

  /** Ends a part: it took since the last mark. */
  mark(part: keyof Timings): void {
    const now = performance.now();
    this.#timings[part] += now - this.#last;
    this.#last = now;
  }

  /** A clock that goes on from here by itself. */
  fork(): Clock {
    const clock = new Clock();
    Object.assign(clock.#timings, this.#timings);
    clock.#last = this.#last;
    return clock;
  }
}
