/**
 * Notices when nothing arrives any more.
 *
 * @module
 */

/** Aborts its signal when nobody has called {@link StallGuard.beat} for a while, or when the caller's signal does. */
export class StallGuard {
  readonly #controller = new AbortController();
  readonly #timeout: number;
  #timer: ReturnType<typeof setTimeout> | undefined;

  /** For the request and its body. */
  readonly signal: AbortSignal;

  /** Takes the longest wait in milliseconds and the caller's signal, and starts to wait. */
  constructor(timeout: number, outer: AbortSignal | undefined) {
    this.#timeout = timeout;
    this.signal = outer === undefined ? this.#controller.signal : AbortSignal.any([outer, this.#controller.signal]);
    this.beat();
  }

  /** Whether the wait was too long. */
  get stalled(): boolean {
    return this.#controller.signal.aborted;
  }

  /** Says that something has arrived. */
  beat(): void {
    clearTimeout(this.#timer);
    this.#timer = setTimeout(() => this.#controller.abort(), this.#timeout);
  }

  /** Stops waiting. */
  stop(): void {
    clearTimeout(this.#timer);
  }
}
