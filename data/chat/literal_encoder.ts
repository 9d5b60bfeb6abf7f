/**
 * Encodes texts in which not everything that looks like an added token is one.
 *
 * @module
 */
import type { Tokenizer } from "../../core/tokenizer.ts";
import { matchAny } from "../tokenizer/match_any.ts";
import type { Span } from "./span.ts";

/** Encodes texts in which some stretches that look like an added token are none. */
export class LiteralEncoder {
  readonly #tokenizer: Tokenizer;
  readonly #added: RegExp;

  /** Encodes with a tokenizer. */
  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
    this.#added = matchAny(tokenizer.addedTokens.keys());
  }

  /** Text → ids as the tokenizer gives them, except that nothing within a literal is an added token. */
  encode(text: string, literals: readonly Span[]): Int32Array {
    if (literals.length === 0) return this.#tokenizer.encode(text);
    const parts: Int32Array[] = [];
    let done = 0;
    const plain = (end: number) => parts.push(this.#tokenizer.encode(text.slice(done, end), { parseSpecial: false }));
    for (const { start, length, id } of this.#addedTokens(text, literals)) {
      plain(start);
      parts.push(Int32Array.of(id));
      done = start + length;
    }
    plain(text.length);
    return Int32Array.from(parts.flatMap((part) => [...part]));
  }

  *#addedTokens(text: string, literals: readonly Span[]): Generator<Span & { readonly id: number }> {
    let from = 0;
    for (const { start, length } of [...literals, { start: text.length, length: 0 }]) {
      for (const { 0: match, index } of text.slice(from, start).matchAll(this.#added)) {
        yield { start: from + index, length: match.length, id: this.#tokenizer.addedTokens.get(match)!.id };
      }
      from = start + length;
    }
  }
}
