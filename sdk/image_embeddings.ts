/**
 * The embeddings of images: each is read, decoded and encoded once, and kept by content.
 *
 * It is loaded for the first image, and with it all that reads images.
 *
 * @module
 */
import { ConfigError } from "../core/errors.ts";
import { ImageEncoder } from "../core/image_encoder.ts";
import { loadImage, preprocess, type Preprocessor } from "../data/image/mod.ts";
import { type ImageSource, nameOf, readSource } from "../data/image/source.ts";
import type { ChatModelParts } from "./chat_model.ts";
import type { Clock } from "./clock.ts";
import { contentKey, ImageCache } from "./image_cache.ts";

/** Most bytes of an image file. */
const maxImageBytes = 20 * 2 ** 20;

/** Who wants an embedding. */
export interface EmbedContext {
  /** Ends the work. */
  readonly signal?: AbortSignal | undefined;
  /** Told how long reading and encoding took. */
  readonly clock: Clock;
}

/** Embeddings of a model's images. */
export class ImageEmbeddings implements Disposable {
  readonly #parts: ChatModelParts;
  readonly #cache: ImageCache;
  /** Embeddings under way, by key: chats at the same time encode an image once. */
  readonly #encoding = new Map<string, Promise<Float32Array>>();
  readonly #counts = { encoded: 0, reused: 0 };
  #encoder: ImageEncoder | undefined;

  /** Takes the model's parts. */
  constructor(parts: ChatModelParts) {
    this.#parts = parts;
    this.#cache = new ImageCache(parts.imageCacheBytes ?? 64 * 2 ** 20);
  }

  /** Images that were encoded, and those that were known already. */
  get counts(): { readonly encoded: number; readonly reused: number } {
    return this.#counts;
  }

  /** Bytes of what is kept. */
  get bytes(): number {
    return this.#cache.bytes;
  }

  /**
   * Embeddings `[N,D]` of each image.
   *
   * @throws {ImageError} if an image cannot be read
   * @throws {ConfigError} if the model has no encoder
   * @throws the signal's reason once it is aborted
   */
  async all(sources: readonly ImageSource[], context: EmbedContext): Promise<Float32Array[]> {
    const embeddings: Float32Array[] = [];
    for (const source of sources) embeddings.push(await this.#embed(source, context));
    return embeddings;
  }

  /** Frees the encoder's program. */
  [Symbol.dispose](): void {
    this.#encoder?.[Symbol.dispose]();
  }

  async #embed(source: ImageSource, context: EmbedContext): Promise<Float32Array> {
    const { signal } = context;
    const { name, preprocessor, readFile } = this.#parts;
    if (preprocessor === undefined) throw new ConfigError(`Cannot look at images: "${name}" has no encoder`);
    // Bytes that are too many are refused by loadImage, with the file's name.
    const readable = typeof source === "string" && !source.startsWith("data:");
    const file = readable && readFile !== undefined
      ? await readFile(source, { maxBytes: maxImageBytes, ...signal && { signal } })
      : await readSource(source, { maxBytes: Infinity, readFile, signal });
    const key = await contentKey(file);
    // Whoever began to encode it may have been aborted; then it is begun anew.
    const begun = this.#encoding.get(key);
    const known = begun === undefined ? this.#cache.get(key) : await begun.catch(() => undefined);
    if (known !== undefined) {
      this.#counts.reused++;
      return known;
    }
    this.#counts.encoded++;
    const encoding = this.#encode(file, { ...context, name: nameOf(source), preprocessor });
    this.#encoding.set(key, encoding);
    try {
      const embeddings = await encoding;
      this.#cache.set(key, embeddings);
      return embeddings;
    } finally {
      this.#encoding.delete(key);
    }
  }

  async #encode(
    file: Uint8Array,
    { name, preprocessor, signal, clock }: EmbedContext & { name: string; preprocessor: Preprocessor },
  ): Promise<Float32Array> {
    const { model, weights, backend } = this.#parts;
    const image = await loadImage(file, { name, maxBytes: maxImageBytes, ...signal && { signal } });
    const { values } = preprocess(image, preprocessor);
    clock.mark("imageMs");
    signal?.throwIfAborted();
    this.#encoder ??= new ImageEncoder(backend, model, { weights });
    const embeddings = await this.#encoder.encode(values);
    clock.mark("encodeMs");
    return embeddings;
  }
}
