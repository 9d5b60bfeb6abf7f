/**
 * Ctrl-C: the first one ends what is under way, a second one, or one while nothing is, the program.
 *
 * @module
 */

/** Exit code of a program that Ctrl-C ended. */
export const interruptedCode = 130;

/** What a signal of {@link Interrupts.during} was aborted with. */
export class Interrupted extends Error {
  /** Name of the class. */
  override name = "Interrupted";

  /** An error that says who stopped it. */
  constructor() {
    super("Stopped by Ctrl-C");
  }
}

/** Listens for Ctrl-C until it is disposed of. */
export class Interrupts implements Disposable {
  readonly #listener = () => this.interrupt();
  #current: AbortController | undefined;

  /** Starts listening. */
  constructor() {
    Deno.addSignalListener("SIGINT", this.#listener);
  }

  /** Runs work that the first Ctrl-C ends through its signal, with {@link Interrupted}; of nested work the inner one. */
  async during<Result>(work: (signal: AbortSignal) => Promise<Result>): Promise<Result> {
    const outer = this.#current;
    const controller = this.#current = new AbortController();
    try {
      return await work(controller.signal);
    } finally {
      this.#current = outer;
    }
  }

  /** What a Ctrl-C does; also for one that the terminal gives as a key. */
  interrupt(): void {
    if (this.#current === undefined || this.#current.signal.aborted) Deno.exit(interruptedCode);
    this.#current.abort(new Interrupted());
  }

  /** Stops listening. */
  [Symbol.dispose](): void {
    Deno.removeSignalListener("SIGINT", this.#listener);
  }
}
