/**
 * Keeps an answer to a grammar, and completes it before it would be cut off.
 *
 * @module
 */
import type { TokenConstraint } from "../../core/constraint.ts";
import type { Tokenizer } from "../../core/tokenizer.ts";
import { forbidden, type Grammar, type Position } from "./grammar.ts";

/** Options of a {@link GrammarConstraint}. */
export interface GrammarConstraintOptions {
  /** Ids to text. */
  readonly tokenizer: Tokenizer;
  /** Ids that end an answer; they may come where it is complete. */
  readonly stopIds: readonly number[];
}

/** Follows one answer along a grammar. */
export class GrammarConstraint implements TokenConstraint {
  readonly #grammar: Grammar;
  readonly #options: GrammarConstraintOptions;
  #position: Position;
  #stopped = false;
  /** What the last restriction went by, where it was pressed. */
  #pressure: { readonly needs: Uint16Array; readonly left: number; readonly complete: boolean } | undefined;
  #shortened = false;

  /** Begins an answer. */
  constructor(grammar: Grammar, options: GrammarConstraintOptions) {
    this.#grammar = grammar;
    this.#options = options;
    this.#position = grammar.start;
  }

  /** Whether the answer is complete and nothing more may come. */
  get ended(): boolean {
    return this.#stopped || this.#position.complete && this.#position.threads.length === 0;
  }

  /** Whether it may end as it is. */
  get complete(): boolean {
    return this.#position.complete;
  }

  /** Whether at some place the model would rather have had something that there was no room for. */
  get shortened(): boolean {
    return this.#shortened;
  }

  get pressed(): boolean {
    return this.#pressure !== undefined;
  }

  /** Whether nothing more that comes can complete it. */
  get lost(): boolean {
    return this.need === Infinity;
  }

  /** Tokens that it needs at least to be complete. */
  get need(): number {
    return this.#grammar.needAt(this.#position);
  }

  restrict(bias: Float32Array, left: number): void {
    const needs = this.#grammar.needs(this.#position);
    const stops = this.#options.stopIds.map((id): [number, number] => [id, bias[id] ?? 0]);
    const { complete } = this.#position;
    this.#pressure = undefined;
    for (let id = 0; id < bias.length; id++) {
      const need = needs[id] ?? forbidden;
      if (need < left) continue;
      bias[id] = -Infinity;
      if (need !== forbidden) this.#pressure ??= { needs, left, complete };
    }
    if (complete) { for (const [id, value] of stops) bias[id] = value; }
  }

  weigh(logits: Float32Array): void {
    if (this.#pressure === undefined) return;
    const { needs, left, complete } = this.#pressure;
    const { stopIds } = this.#options;
    let [best, need] = [-Infinity, 0];
    for (let id = 0; id < logits.length; id++) {
      const each = complete && stopIds.includes(id) ? 0 : needs[id] ?? forbidden;
      if (each !== forbidden && logits[id]! > best) [best, need] = [logits[id]!, each];
    }
    if (need >= left) this.#shortened = true;
  }

  accept(id: number): void {
    if (this.#options.stopIds.includes(id)) this.#stopped = true;
    else this.read(this.#options.tokenizer.bytesOf(id));
  }

  /** Takes bytes. */
  read(bytes: Uint8Array): void {
    this.#position = this.#grammar.advance(this.#position, bytes);
  }
}
