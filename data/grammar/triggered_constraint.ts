/**
 * Leaves an answer free until a text comes, and keeps what follows it to a grammar.
 *
 * @module
 */
import type { TokenConstraint } from "../../core/constraint.ts";
import type { Grammar } from "./grammar.ts";
import { GrammarConstraint, type GrammarConstraintOptions } from "./grammar_constraint.ts";

/** Options of a {@link TriggeredConstraint}. */
export interface TriggeredConstraintOptions extends GrammarConstraintOptions {
  /** The text after which the grammar begins. */
  readonly trigger: string;
}

/**
 * Follows one answer. Where the room left is less than the grammar's shortest text, the answer stays free: it would be
 * cut off in any case.
 */
export class TriggeredConstraint implements TokenConstraint {
  readonly ended = false;
  readonly #grammar: Grammar;
  readonly #options: TriggeredConstraintOptions;
  readonly #trigger: Uint8Array;
  /** The last bytes of the answer, where it is free. */
  #tail: number[] = [];
  #inside: GrammarConstraint | undefined;
  #fits = false;

  /** Begins an answer. */
  constructor(grammar: Grammar, options: TriggeredConstraintOptions) {
    this.#grammar = grammar;
    this.#options = options;
    this.#trigger = new TextEncoder().encode(options.trigger);
  }

  restrict(bias: Float32Array, left: number): void {
    if (this.#inside === undefined) return;
    this.#fits ||= this.#inside.need <= left;
    if (this.#fits) this.#inside.restrict(bias, left);
    else this.#inside = undefined;
  }

  accept(id: number): void {
    const { tokenizer, stopIds } = this.#options;
    if (stopIds.includes(id)) return;
    if (this.#inside === undefined) return this.#look(tokenizer.bytesOf(id));
    this.#inside.accept(id);
    if (this.#inside.ended) this.#inside = undefined;
  }

  /** Looks for the trigger in the bytes that came; what follows it in them belongs to the grammar. */
  #look(bytes: Uint8Array): void {
    for (const [i, byte] of bytes.entries()) {
      this.#tail.push(byte);
      if (this.#tail.length > this.#trigger.length) this.#tail.shift();
      if (!this.#trigger.every((each, place) => each === this.#tail[place])) continue;
      this.#tail = [];
      const rest = bytes.subarray(i + 1);
      const inside = new GrammarConstraint(this.#grammar, this.#options);
      inside.read(rest);
      if (inside.lost) return this.#look(rest);
      this.#inside = inside;
      this.#fits = false;
      return;
    }
  }
}
