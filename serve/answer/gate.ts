/**
 * Who may go in now, who waits, and who is sent away.
 *
 * @module
 */
import { ApiError } from "../api_error.ts";

/** Lets in so many at once, first come, first served; as many may wait as the queue is long. */
export class Gate {
  readonly #places: number;
  readonly #maxWaiting: number;
  readonly #line: (() => void)[] = [];
  #inside = 0;
  /** Milliseconds that somebody stays, on average. */
  #stay = 1000;

  /** Takes how many may be inside, and how many may wait. */
  constructor({ places, maxWaiting }: { readonly places: number; readonly maxWaiting: number }) {
    this.#places = places;
    this.#maxWaiting = maxWaiting;
  }

  /** How many are inside. */
  get inside(): number {
    return this.#inside;
  }

  /** How many wait. */
  get waiting(): number {
    return this.#line.length;
  }

  /**
   * Goes in; the result is to be disposed of when leaving.
   *
   * @throws {ApiError} with status 429 if the queue is full
   * @throws the signal's reason once it is aborted
   */
  async enter(signal: AbortSignal): Promise<Disposable> {
    signal.throwIfAborted();
    this.checkRoom();
    if (this.#inside < this.#places && this.#line.length === 0) return this.#admit();
    return await new Promise((resolve, reject) => {
      const go = () => {
        signal.removeEventListener("abort", leave);
        resolve(this.#admit());
      };
      const leave = () => {
        this.#line.splice(this.#line.indexOf(go), 1);
        reject(signal.reason);
      };
      this.#line.push(go);
      signal.addEventListener("abort", leave, { once: true });
    });
  }

  /**
   * Sees to it that there is a place inside or in the queue.
   *
   * @throws {ApiError} with status 429 if there is none
   */
  checkRoom(): void {
    if (this.#inside < this.#places || this.#line.length < this.#maxWaiting) return;
    throw new ApiError(`Cannot answer now: ${this.#line.length} requests are waiting`, {
      status: 429,
      code: "queue_full",
      retryAfter: this.#retryAfter,
    });
  }

  /** Seconds until a place in the queue should be free. */
  get #retryAfter(): number {
    return Math.min(60, Math.max(1, Math.ceil(this.#stay / this.#places / 1000)));
  }

  #admit(): Disposable {
    this.#inside++;
    const start = performance.now();
    let left = false;
    return {
      [Symbol.dispose]: () => {
        if (left) return;
        left = true;
        this.#inside--;
        this.#stay += (performance.now() - start - this.#stay) / 8;
        if (this.#inside < this.#places) this.#line.shift()?.();
      },
    };
  }
}
