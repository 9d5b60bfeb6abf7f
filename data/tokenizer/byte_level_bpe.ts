/**
 * A byte-level BPE tokenizer: added tokens first, then words, then merges of bytes (Sennrich et al. 2016, GPT-2).
 *
 * @module
 */
import { BPE, ByteLevelPreTokenizer } from "@huggingface/tokenizers";
import type {
  AddedToken,
  ControlTokens,
  DecodeTextOptions,
  EncodeTextOptions,
  Tokenizer,
} from "../../core/tokenizer.ts";
import { bytesOfWord, wordPattern } from "./byte_level.ts";
import { matchAny } from "./match_any.ts";
import type { TokenizerSpec } from "./tokenizer_file.ts";

/** Makes a tokenizer of what its files say. */
export function createByteLevelBpe(spec: TokenizerSpec, control: ControlTokens): Tokenizer {
  return new ByteLevelBpe(spec, control);
}

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
  readonly #splitter: ByteLevelPreTokenizer;
  readonly #model: BPE;

  constructor({ vocab, merges, ignoreMerges, added }: TokenizerSpec, control: ControlTokens) {
    this.control = control;
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
    this.#splitter = new ByteLevelPreTokenizer({ type: "ByteLevel", add_prefix_space: false });
    this.#splitter.pattern = wordPattern;
    this.#model = new BPE({
      type: "BPE",
      vocab: { ...vocab },
      merges: merges.map(([first, second]): [string, string] => [first, second]),
      ignore_merges: ignoreMerges,
    });
  }

  encode(text: string, { parseSpecial = true }: EncodeTextOptions = {}): Int32Array {
    const ids: number[] = [];
    let end = 0;
    for (const { 0: match, index } of parseSpecial ? text.matchAll(this.#added) : []) {
      this.#encodePlain(text.slice(end, index), ids);
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
    for (const word of this.#model.encode(this.#splitter.pre_tokenize_text(text))) ids.push(this.#vocab[word]!);
  }
}
