/**
 * Image embeddings by content: an image that was seen before is not encoded again.
 *
 * @module
 */

/** Keeps the embeddings used last, within a budget of bytes. */
export class ImageCache {
  readonly #entries = new Map<string, Float32Array>();
  readonly #maxBytes: number;
  #bytes = 0;

  /** Takes the budget in bytes. */
  constructor(maxBytes: number) {
    this.#maxBytes = maxBytes;
  }

  /** Bytes of all embeddings kept. */
  get bytes(): number {
    return this.#bytes;
  }

  /** The embeddings of a file, if kept. */
  get(key: string): Float32Array | undefined {
    const found = this.#entries.get(key);
    if (found === undefined) return undefined;
    this.#entries.delete(key);
    this.#entries.set(key, found);
    return found;
  }

  /** Keeps embeddings, at the cost of those that were not used for longest. */
  set(key: string, embeddings: Float32Array): void {
    this.#entries.set(key, embeddings);
    this.#bytes += embeddings.byteLength;
    for (const [oldest, { byteLength }] of this.#entries) {
      if (this.#bytes <= this.#maxBytes || oldest === key) return;
      this.#entries.delete(oldest);
      this.#bytes -= byteLength;
    }
  }
}

/** Digits that tell files apart: SHA-256, or a weaker sum in a page of plain HTTP, where browsers withhold it. */
export async function contentKey(bytes: Uint8Array): Promise<string> {
  const { subtle } = crypto as { readonly subtle?: SubtleCrypto };
  if (subtle === undefined) return plainSum(bytes);
  const digest = new Uint8Array(await subtle.digest("SHA-256", Uint8Array.from(bytes)));
  return Array.from(digest, (byte) => byte.toString(16).padStart(2, "0")).join("");
}

/** Odd multipliers of four sums in the manner of FNV-1a, which together hardly meet by chance. */
const multipliers = [0x01000193, 0x85ebca6b, 0xc2b2ae35, 0x27d4eb2f] as const;

function plainSum(bytes: Uint8Array): string {
  const sums = multipliers.map((multiplier) => {
    let sum = 0x811c9dc5;
    for (const byte of bytes) sum = Math.imul(sum ^ byte ^ sum >>> 15, multiplier);
    return sum >>> 0;
  });
  return [bytes.length, ...sums].join("-");
}
