/**
 * KV caches of a model: each conversation finds the one that holds its start.
 *
 * @module
 */
import type { GenerateOptions, TokenGenerator } from "../core/generate.ts";

/** Hands out generators, the one that shares most with a prompt first. */
export class Conversations implements Disposable {
  readonly #create: () => TokenGenerator;
  readonly #most: number;
  /** Used last at the end. */
  readonly #idle: TokenGenerator[] = [];
  readonly #waiting: (() => void)[] = [];
  #busy = 0;

  /** Takes a maker of generators and how many there may be. */
  constructor(create: () => TokenGenerator, most: number) {
    this.#create = create;
    this.#most = most;
  }

  /**
   * A generator of one's own until it is given back: the idle one that holds most of the prompt; failing that a new
   * one, or the one that was not used for longest. Waits while all are busy.
   *
   * @throws the signal's reason once it is aborted
   */
  async take(prompt: GenerateOptions): Promise<TokenGenerator> {
    while (this.#idle.length === 0 && this.#busy >= this.#most) await this.#turn(prompt.signal);
    const shared = this.#idle.map((generator) => generator.matches(prompt));
    const best = shared.indexOf(Math.max(...shared));
    const fits = best >= 0 && shared[best]! > 1;
    const mayGrow = this.#idle.length + this.#busy < this.#most;
    const generator = !fits && mayGrow ? this.#create() : this.#idle.splice(fits ? best : 0, 1)[0]!;
    this.#busy++;
    return generator;
  }

  /** Gives a generator back. */
  give(generator: TokenGenerator): void {
    this.#busy--;
    this.#idle.push(generator);
    this.#waiting.shift()?.();
  }

  /** Frees the idle generators. */
  [Symbol.dispose](): void {
    for (const generator of this.#idle.splice(0)) generator[Symbol.dispose]();
  }

  async #turn(signal: AbortSignal | undefined): Promise<void> {
    signal?.throwIfAborted();
    await new Promise<void>((resolve, reject) => {
      const next = () => {
        signal?.removeEventListener("abort", leave);
        resolve();
      };
      const leave = () => {
        this.#waiting.splice(this.#waiting.indexOf(next), 1);
        reject(signal?.reason);
      };
      this.#waiting.push(next);
      signal?.addEventListener("abort", leave, { once: true });
    });
  }
}
