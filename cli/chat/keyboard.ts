/**
 * Lines typed on a terminal, with editing and a history.
 *
 * The engine's own `prompt` would do in three lines, but it keeps no history, takes the Escape key for the end, loses
 * what is pasted after a first line, and holds up the event loop, so that a Ctrl-C comes to light only after the line.
 *
 * @module
 */
import process from "node:process";
import { createInterface } from "node:readline";
import type { Interrupts } from "../interrupts.ts";
import { stderr } from "../terminal.ts";
import { completeLine } from "./complete.ts";
import type { ReadLine } from "./lines.ts";

/** Reads lines from the terminal; between two lines it is as any program finds it, so that Ctrl-C is a signal. */
export class Keyboard implements Disposable {
  /** Gives the next line. @throws {Interrupted} at Ctrl-C */
  readonly readLine: ReadLine;
  readonly #terminal: ReturnType<typeof createInterface>;
  readonly #lines: string[] = [];
  readonly #output = stderr.isTerminal ? process.stderr : process.stdout;
  #ended = false;
  #wake = () => {};

  /** Nothing is read before the first line is asked for. */
  constructor(interrupts: Interrupts) {
    this.#terminal = createInterface({
      input: process.stdin,
      output: this.#output,
      completer: completeLine,
      removeHistoryDuplicates: true,
    });
    this.#pause();
    this.#terminal.on("SIGINT", () => interrupts.interrupt());
    this.#terminal.on("SIGTSTP", () => {}); // it would need the permission to run programs
    this.#terminal.on("line", (line) => {
      this.#lines.push(line);
      this.#wake();
    });
    this.#terminal.on("close", () => {
      this.#ended = true;
      this.#wake();
    });
    this.readLine = (prompt) => interrupts.during((signal) => this.#read(prompt, signal));
  }

  /** Stops reading. */
  [Symbol.dispose](): void {
    this.#terminal.close();
  }

  async #read(prompt: string, signal: AbortSignal): Promise<string | undefined> {
    if (this.#lines.length === 0 && !this.#ended) {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      this.#wake = resolve;
      signal.addEventListener("abort", () => reject(signal.reason));
      process.stdin.setRawMode(true);
      this.#terminal.setPrompt(`${prompt} `);
      this.#terminal.prompt(true);
      try {
        await promise;
        if (this.#ended) this.#output.write("\n");
      } catch (error) {
        this.#terminal.write(null, { ctrl: true, name: "e" });
        this.#terminal.write(null, { ctrl: true, name: "u" });
        this.#output.write("\n");
        throw error;
      } finally {
        this.#pause();
      }
    }
    return this.#lines.shift();
  }

  #pause(): void {
    if (this.#ended) return;
    this.#terminal.pause();
    process.stdin.setRawMode(false);
  }
}
