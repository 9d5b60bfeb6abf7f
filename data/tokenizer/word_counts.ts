/**
 * How often each word occurs in texts: all that byte-level BPE learns from.
 *
 * @module
 */
import { wordPattern, writeBytes } from "./byte_level.ts";

/** Counts words as the tokenizer will split them, each with the space before it. */
export class WordCounts {
  readonly #counts = new Map<string, number>();

  /** Counts the words of a text, which occurs `times` times. Default once. */
  add(text: string, { times = 1 }: { readonly times?: number | undefined } = {}): void {
    for (const [word] of text.matchAll(wordPattern)) this.#counts.set(word, (this.#counts.get(word) ?? 0) + times);
  }

  /** Words in the byte-level alphabet and how often each occurs, in the order in which they came first. */
  *words(): Generator<readonly [word: string, count: number], void> {
    for (const [word, count] of this.#counts) yield [writeBytes(word), count];
  }
}
