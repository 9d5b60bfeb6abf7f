/**
 * Tells which token stands where in a text.
 *
 * @module
 */
import type { Tokenizer } from "../../core/tokenizer.ts";

/** Ids of a text, and where in the text they stand. */
export class LocatedTokens {
  /** Ids, `[T]`. */
  readonly ids: Int32Array;
  readonly #text: string;
  readonly #starts: Int32Array; // [T+1] first byte of each token, then the length

  /**
   * Ids of a text and the tokenizer that made them.
   *
   * @throws {RangeError} if the ids do not spell the text byte for byte
   */
  constructor(text: string, ids: Int32Array, tokenizer: Tokenizer) {
    this.ids = ids;
    this.#text = text;
    this.#starts = new Int32Array(ids.length + 1);
    ids.forEach((id, i) => this.#starts[i + 1] = this.#starts[i]! + tokenizer.bytesOf(id).length);
    const [bytes, spelt] = [utf8Length(text), this.#starts[ids.length]];
    if (bytes !== spelt) throw new RangeError(`Cannot locate tokens: a text of ${bytes} bytes became ${spelt} bytes`);
  }

  /** The first token that starts at a place in the text or after it, and whether exactly there. */
  from(place: number): { readonly token: number; readonly exact: boolean } {
    const byte = utf8Length(this.#text.slice(0, place));
    let [low, high] = [0, this.ids.length];
    while (low < high) {
      const middle = (low + high) >> 1;
      if (this.#starts[middle]! < byte) low = middle + 1;
      else high = middle;
    }
    return { token: low, exact: this.#starts[low] === byte };
  }
}

function utf8Length(text: string): number {
  return new TextEncoder().encode(text).length;
}
