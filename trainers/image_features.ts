/**
 * Features of images by content: each image is decoded, resized and encoded once, over all epochs and, with a place to
 * keep them, all runs.
 *
 * @module
 */

/** Keeps features over runs. */
export interface FeatureKeeper {
  /** The features of a key, `[N,C]` in C order; undefined where there are none. */
  get(key: string): Promise<Float32Array | undefined>;
  /** Keeps features. */
  set(key: string, features: Float32Array): Promise<void>;
}

/** Options of {@link ImageFeatures}. */
export interface ImageFeaturesOptions {
  /** Image file → features `[N,C]`, in C order. */
  readonly encode: (image: Uint8Array) => Promise<Float32Array>;
  /** Key of an image file: its content, and whatever tells encoders apart. */
  readonly key: (image: Uint8Array) => Promise<string>;
  /** Keeps features over runs. Default: they are kept in memory alone. */
  readonly keeper?: FeatureKeeper | undefined;
  /** Bytes kept in memory. Default 256 MiB. */
  readonly maxBytes?: number | undefined;
}

/** How often features came from where. */
export interface FeatureCounts {
  /** Images that were encoded. */
  encoded: number;
  /** Features that were kept over runs. */
  kept: number;
  /** Features that were in memory. */
  remembered: number;
  /** Milliseconds of decoding, resizing and encoding. */
  encodeMs: number;
}

/** Gives the features of images. */
export class ImageFeatures {
  /** How often features came from where. */
  readonly counts: FeatureCounts = { encoded: 0, kept: 0, remembered: 0, encodeMs: 0 };
  readonly #options: ImageFeaturesOptions;
  /** Used last at the end. */
  readonly #entries = new Map<string, Float32Array>();
  readonly #pending = new Map<string, Promise<Float32Array>>();
  #bytes = 0;

  /** Takes what encodes, and where to keep. */
  constructor(options: ImageFeaturesOptions) {
    this.#options = options;
  }

  /** Features `[N,C]` of an image file, in C order. Not to be written to. */
  async of(image: Uint8Array): Promise<Float32Array> {
    const key = await this.#options.key(image);
    const known = this.#entries.get(key);
    if (known !== undefined) {
      this.counts.remembered++;
      this.#entries.delete(key);
      this.#entries.set(key, known);
      return known;
    }
    let pending = this.#pending.get(key);
    if (pending === undefined) {
      pending = this.#find(key, image).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    return await pending;
  }

  async #find(key: string, image: Uint8Array): Promise<Float32Array> {
    const { encode, keeper, maxBytes = 256 * 2 ** 20 } = this.#options;
    let features = await keeper?.get(key);
    if (features === undefined) {
      const start = performance.now();
      features = await encode(image);
      this.counts.encoded++;
      this.counts.encodeMs += performance.now() - start;
      await keeper?.set(key, features);
    } else this.counts.kept++;
    this.#entries.set(key, features);
    this.#bytes += features.byteLength;
    for (const [oldest, { byteLength }] of this.#entries) {
      if (this.#bytes <= maxBytes || oldest === key) break;
      this.#entries.delete(oldest);
      this.#bytes -= byteLength;
    }
    return features;
  }
}
