/**
 * Tokens by position: those of a prompt, and those that a row of a KV cache holds.
 *
 * @module
 */
import { ShapeError } from "./errors.ts";
import type { VisionLanguageModel } from "./model.ts";
import { spliceIndex } from "./placeholders.ts";

/** A prompt as it is given. */
export interface PromptOptions {
  /** Token ids, image markers included. */
  readonly ids: ArrayLike<number>;
  /**
   * Embeddings of each image, `[N,D]` in C order, as `ImageEncoder.encode` gives them. Default none. The same array
   * means the same image when a prompt begins as an earlier one.
   */
  readonly images?: readonly Float32Array[] | undefined;
  /** For each id the row of all images' embeddings, or −1 for text. Default by the model's placeholder rule. */
  readonly index?: Int32Array | undefined;
}

/** What stands at a position. */
export interface PlacedToken {
  /** The token's id. */
  readonly id: number;
  /** The image whose embedding takes its place. */
  readonly image: Float32Array | undefined;
  /** Which of the image's embeddings; −1 for text. */
  readonly row: number;
}

/** Tokens from position 0 on. */
export interface TokenList {
  /** How many there are. */
  readonly length: number;
  /** The token at a position. */
  at(position: number): PlacedToken;
}

/** The token of an id that stands for itself. */
export function textToken(id: number): PlacedToken {
  return { id, image: undefined, row: -1 };
}

/** Length of the longest start that two lists share. */
export function commonLength(a: TokenList, b: TokenList): number {
  const most = Math.min(a.length, b.length);
  for (let i = 0; i < most; i++) {
    const [x, y] = [a.at(i), b.at(i)];
    if (x.id !== y.id || x.image !== y.image || x.row !== y.row) return i;
  }
  return most;
}

/** The tokens of a prompt. */
export class PromptTokens implements TokenList {
  /** Their ids. */
  readonly ids: Int32Array;
  readonly #index: Int32Array;
  readonly #images: readonly Float32Array[];
  readonly #tokens: number;

  /**
   * Checks a prompt and finds the places of its images.
   *
   * @throws {RangeError} if it is empty, has an id outside the vocabulary, or its index does not fit
   * @throws {ShapeError} if an image's embeddings have another size
   * @throws {PlaceholderError} if images and markers do not fit
   */
  constructor(model: VisionLanguageModel, { ids, images = [], index }: PromptOptions) {
    const { decoder: { vocabulary, width }, placeholder } = model;
    const fail = (problem: string) => new RangeError(`Cannot generate: ${problem}`);
    if (ids.length === 0) throw fail("the prompt is empty");
    const odd = Array.prototype.findIndex.call(ids, (id) => !Number.isInteger(id) || id < 0 || id >= vocabulary);
    if (odd >= 0) throw fail(`id ${ids[odd]} at position ${odd}, the vocabulary has ${vocabulary}`);
    const size = placeholder.tokens * width;
    const misfit = images.findIndex((image) => image.length !== size);
    if (misfit >= 0) {
      throw new ShapeError(`Cannot place image ${misfit}: ${images[misfit]!.length} numbers, expected ${size}`);
    }
    const rows = index ?? spliceIndex(ids, placeholder, { images: images.length });
    if (rows.length !== ids.length || rows.some((row) => row >= images.length * placeholder.tokens)) {
      throw fail(`${rows.length} image rows for ${ids.length} ids and ${images.length} images`);
    }
    this.ids = Int32Array.from(ids);
    this.#index = rows;
    this.#images = images;
    this.#tokens = placeholder.tokens;
  }

  /** How many there are. */
  get length(): number {
    return this.ids.length;
  }

  /** The token at a position. */
  at(position: number): PlacedToken {
    const id = this.ids[position]!;
    const place = this.#index[position]!;
    if (place < 0) return textToken(id);
    return { id, image: this.#images[Math.floor(place / this.#tokens)], row: place % this.#tokens };
  }
}

/** The tokens whose keys and values a row of a KV cache holds. */
export class HeldTokens implements TokenList {
  readonly #tokens: PlacedToken[] = [];

  /** How many there are. */
  get length(): number {
    return this.#tokens.length;
  }

  /** The token at a position. */
  at(position: number): PlacedToken {
    return this.#tokens[position]!;
  }

  /** Notes what a position holds from now on; what stood behind it counts no more. */
  set(position: number, token: PlacedToken): void {
    this.keep(position);
    this.#tokens.push(token);
  }

  /** Forgets all but the first `length` tokens. */
  keep(length: number): void {
    this.#tokens.length = Math.min(this.#tokens.length, length);
  }
}
