/**
 * A byte-level BPE tokenizer: added tokens first, then words, then merges of bytes (Sennrich et al. 2016, GPT-2).
 *
 * @module
 */
import type { BPE } from "@huggingface/tokenizers";
import type {
  AddedToken,
  ControlTokens,
  DecodeTextOptions,
  EncodeTextOptions,
  Tokenizer,
} from "../../core/tokenizer.ts";
import { bytesOfWord, wordPattern, writeBytes } from "./byte_level.ts";
import { matchAny } from "./match_any.ts";
import type { TokenizerSpec } from "./tokenizer_file.ts";

/** Makes a tokenizer of what its files say. The library that merges is loaded when the first one is made. */
export async function createByteLevelBpe(spec: TokenizerSpec, control: ControlTokens): Promise<Tokenizer> {
  const { vocab, merges, ignoreMerges } = spec;
  const { BPE } = await import("@huggingface/tokenizers");
  const model = new BPE({
    type: "BPE",
    vocab: { ...vocab },
    merges: merges.map(([first, second]): [string, string] => [first, second]),
    ignore_merges: ignoreMerges,
  });
  return new ByteLevelBpe(spec, { control, model });
}

/** Words whose ids are kept. */
const maxKnown = 65_536;

class ByteLevelBpe implements Tokenizer {
  readonly vocabulary: number;
  readonly addedTokens: ReadonlyMap<string, AddedToken>;
  readonly control: ControlTokens;
  readonly #vocab: TokenizerSpec["vocab"];
  readonly #words: readonly (string | undefined)[];
  /** By id, as far as somebody asked: a prompt and an answer take a few hundred of them. */
  readonly #bytes: (Uint8Array | undefined)[] = [];
  readonly #special: ReadonlySet<number>;
  readonly #added: RegExp;
  readonly #model: BPE;
  #longest: number | undefined;
  /** Ids of words that came before, for texts are made of few: the library's own cache takes longer than all the rest. */
  readonly #known = new Map<string, readonly number[]>();

  constructor({ vocab, added }: TokenizerSpec, { control, model }: { control: ControlTokens; model: BPE }) {
    this.control = control;
    this.#model = model;
    this.addedTokens = new Map(added.map((token) => [token.text, token]));
    this.#vocab = vocab;
    this.#special = new Set(added.filter(({ special }) => special).map(({ id }) => id));
    this.#added = matchAny(this.addedTokens.keys());
    const words: (string | undefined)[] = [];
    for (const word in vocab) words[vocab[word]!] = word;
    for (const { id, text } of added) {
      words[id] = text;
      this.#bytes[id] = new TextEncoder().encode(text);
    }
    this.#words = words;
    this.vocabulary = words.length;
  }

  get longestToken(): number {
    // A character of a word is a byte; added tokens are kept as bytes.
    return this.#longest ??= this.#words.reduce((most, word = "", id) => {
      return Math.max(most, this.#bytes[id]?.length ?? word.length);
    }, 1);
  }

  encode(text: string, { parseSpecial = true }: EncodeTextOptions = {}): Int32Array {
    const ids: number[] = [];
    let end = 0;
    for (const { 0: match, index } of parseSpecial ? text.matchAll(this.#added) : []) {
      if (index > end) this.#encodePlain(text.slice(end, index), ids);
      ids.push(this.addedTokens.get(match)!.id);
      end = index + match.length;
    }
    this.#encodePlain(text.slice(end), ids);
    return Int32Array.from(ids);
  }

  decode(ids: ArrayLike<number>, { skipSpecialTokens = false }: DecodeTextOptions = {}): string {
    const kept = Array.from(ids).filter((id) => !skipSpecialTokens || !this.#special.has(id));
    const parts = kept.map((id) => this.bytesOf(id));
    const bytes = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
    let end = 0;
    for (const part of parts) {
      bytes.set(part, end);
      end += part.length;
    }
    return new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes);
  }

  bytesOf(id: number): Uint8Array {
    const bytes = this.#bytes[id];
    if (bytes !== undefined) return bytes;
    const word = this.#words[id];
    const found = word === undefined ? undefined : this.#bytes[id] = bytesOfWord(word);
    if (found !== undefined) return found;
    throw new RangeError(`Cannot decode id ${id}: the vocabulary has no such id below ${this.vocabulary}`);
  }

  #encodePlain(text: string, ids: number[]): void {
    if (text === "") return;
    for (const [word] of text.matchAll(wordPattern)) {
      let known = this.#known.get(word);
      if (known === undefined) {
        known = this.#model.encode([writeBytes(word)]).map((token) => this.#vocab[token]!);
        if (this.#known.size < maxKnown) this.#known.set(word, known);
      }
      for (const id of known) ids.push(id);
    }
  }
}
