/**
 * Images by content as a step takes them: each is decoded, resized and, for a frozen encoder, encoded once, over all
 * epochs and, with a place to keep them, all runs.
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

/** What is known of an image beside its content. */
export interface ImageContext {
  /** What messages call it. Default `image`. */
  readonly name?: string | undefined;
}

/** Options of {@link PreparedImages}. */
export interface PreparedImagesOptions {
  /** Image file → features `[N,C]` or pixels `[3,S,S]`, in C order. */
  readonly prepare: (image: Uint8Array, context: ImageContext) => Promise<Float32Array>;
  /** Key of an image file: its content, and for features whatever tells encoders apart. */
  readonly key: (image: Uint8Array) => Promise<string>;
  /** Keeps what is dear over runs. Default: all is kept in memory alone. */
  readonly keeper?: FeatureKeeper | undefined;
  /** Bytes kept in memory. Default 256 MiB. */
  readonly maxBytes?: number | undefined;
}

/** How often images came from where. */
export interface PreparedCounts {
  /** Images that were prepared. */
  prepared: number;
  /** Those that were kept over runs. */
  kept: number;
  /** Those that were in memory. */
  remembered: number;
  /** Milliseconds in which some image was decoded, resized and encoded. */
  prepareMs: number;
}

/** Gives images as a step takes them. */
export class PreparedImages {
  /** How often they came from where. */
  readonly counts: PreparedCounts = { prepared: 0, kept: 0, remembered: 0, prepareMs: 0 };
  readonly #options: PreparedImagesOptions;
  /** Used last at the end. */
  readonly #entries = new Map<string, Float32Array>();
  readonly #pending = new Map<string, Promise<Float32Array>>();
  #bytes = 0;
  /** Images that are being prepared, and since when there are any. */
  #busy = { images: 0, since: 0 };

  /** Takes what prepares, and where to keep. */
  constructor(options: PreparedImagesOptions) {
    this.#options = options;
  }

  /** What becomes of an image file, in C order. Not to be written to. */
  async of(image: Uint8Array, context: ImageContext = {}): Promise<Float32Array> {
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
      pending = this.#find(image, { key, context }).finally(() => this.#pending.delete(key));
      this.#pending.set(key, pending);
    }
    return await pending;
  }

  async #find(
    image: Uint8Array,
    { key, context }: { readonly key: string; readonly context: ImageContext },
  ): Promise<Float32Array> {
    const { prepare, keeper, maxBytes = 256 * 2 ** 20 } = this.#options;
    let values = await keeper?.get(key);
    if (values === undefined) {
      // Those that wait for each other take their time once.
      if (this.#busy.images++ === 0) this.#busy.since = performance.now();
      try {
        values = await prepare(image, context);
        this.counts.prepared++;
      } finally {
        if (--this.#busy.images === 0) this.counts.prepareMs += performance.now() - this.#busy.since;
      }
      await keeper?.set(key, values);
    } else this.counts.kept++;
    this.#entries.set(key, values);
    this.#bytes += values.byteLength;
    for (const [oldest, { byteLength }] of this.#entries) {
      if (this.#bytes <= maxBytes || oldest === key) break;
      this.#entries.delete(oldest);
      this.#bytes -= byteLength;
    }
    return values;
  }
}
