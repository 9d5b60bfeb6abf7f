/**
 * The contract of a tokenizer: text to token ids and back.
 *
 * @module
 */

/** A token that stands for a text of its own, for instance `<|im_end|>`. */
export interface AddedToken {
  /** Its id. */
  readonly id: number;
  /** The text it stands for. */
  readonly text: string;
  /** Whether it steers the model and is no part of what is said, so that decoding may leave it out. */
  readonly special: boolean;
}

/** The tokens every model needs, where the vocabulary has them. */
export interface ControlTokens {
  /** Begins a turn. */
  readonly bos?: AddedToken | undefined;
  /** Ends a turn, and an answer. */
  readonly eos?: AddedToken | undefined;
  /** Fills rows of a batch. */
  readonly pad?: AddedToken | undefined;
}

/** Options of {@link Tokenizer.encode}. */
export interface EncodeTextOptions {
  /**
   * Whether the text of an added token becomes that token. Without it the text is nothing but text: `<|im_end|>`
   * takes several ids and ends nothing. Default true.
   */
  readonly parseSpecial?: boolean | undefined;
}

/** Options of {@link Tokenizer.decode} and {@link StreamingDecoder}. */
export interface DecodeTextOptions {
  /** Whether to leave out special tokens. Default false, and true for a {@link StreamingDecoder}. */
  readonly skipSpecialTokens?: boolean | undefined;
}

/** Turns text into token ids and back. */
export interface Tokenizer {
  /** Every id is below this number. */
  readonly vocabulary: number;
  /** Bytes of the longest token: a text takes at least as many ids as its bytes fill such tokens. */
  readonly longestToken: number;
  /** Added tokens by their text. */
  readonly addedTokens: ReadonlyMap<string, AddedToken>;
  /** The tokens every model needs. */
  readonly control: ControlTokens;
  /** Text → ids `[T]`; nothing is put before or after them. */
  encode(text: string, options?: EncodeTextOptions): Int32Array;
  /**
   * Ids `[T]` → text. Bytes that are no UTF-8 become U+FFFD.
   *
   * @throws {RangeError} naming an id that the vocabulary does not have
   */
  decode(ids: ArrayLike<number>, options?: DecodeTextOptions): string;
  /**
   * The UTF-8 bytes that an id stands for; a character may be spread over several ids. Not to be written to.
   *
   * @throws {RangeError} if the vocabulary does not have the id
   */
  bytesOf(id: number): Uint8Array;
}

/** Turns ids into text as they arrive and never gives a part of a character. */
export class StreamingDecoder {
  readonly #tokenizer: Tokenizer;
  readonly #skipped: ReadonlySet<number>;
  readonly #utf8 = new TextDecoder("utf-8", { ignoreBOM: true });

  /** Decodes with a tokenizer; special tokens are left out unless told otherwise. */
  constructor(tokenizer: Tokenizer, { skipSpecialTokens = true }: DecodeTextOptions = {}) {
    this.#tokenizer = tokenizer;
    const special = [...tokenizer.addedTokens.values()].filter((token) => skipSpecialTokens && token.special);
    this.#skipped = new Set(special.map(({ id }) => id));
  }

  /**
   * Takes an id and gives the characters that are complete now, perhaps none.
   *
   * @throws {RangeError} if the vocabulary does not have the id
   */
  push(id: number): string {
    if (this.#skipped.has(id)) return "";
    return this.#utf8.decode(this.#tokenizer.bytesOf(id), { stream: true });
  }

  /** Gives U+FFFD if the ids so far end within a character, otherwise nothing; then starts anew. */
  flush(): string {
    return this.#utf8.decode();
  }
}
