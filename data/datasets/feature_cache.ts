/**
 * Features of a frozen encoder, kept by the content of the image they belong to.
 *
 * @module
 */
import { viewAs } from "../element_types.ts";
import { toHex } from "../hub/checksum.ts";
import type { FileStore } from "../hub/file_store.ts";

/** Keeps features. */
export interface FeatureCache {
  /** The features of a key, `[N,C]` in C order; undefined where there are none. */
  get(key: string): Promise<Float32Array | undefined>;
  /** Keeps features; whoever reads at the same time finds all of them or none. */
  set(key: string, features: Float32Array): Promise<void>;
}

/** What features depend on beside the image. */
export interface FeatureKeyOptions {
  /** Encoder, its weights and how it wants its images; anything that tells two of them apart. */
  readonly encoder: string;
}

/** Key of the features of an image file: the SHA-256 of the encoder's id and the SHA-256 of the bytes. */
export async function featureKey(file: Uint8Array, { encoder }: FeatureKeyOptions): Promise<string> {
  const content = toHex(await crypto.subtle.digest("SHA-256", new Uint8Array(file)));
  return toHex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(`${encoder}\n${content}`)));
}

/** Where a {@link createFeatureCache} keeps its files. */
export interface FeatureCacheOptions {
  /** Folder in the store. Default `features`. */
  readonly folder?: string | undefined;
  /** Numbers that features must have, N·C; a file with another size counts as absent. Default any. */
  readonly size?: number | undefined;
}

/** A cache in a store: a file of little-endian float32 for each key. */
export function createFeatureCache(store: FileStore, options: FeatureCacheOptions = {}): FeatureCache {
  const { folder = "features", size } = options;
  const pathOf = (key: string) => {
    if (!/^[0-9a-f]{64}$/.test(key)) throw new TypeError(`Cannot find features of "${key}": it is no key`);
    return `${folder}/${key.slice(0, 2)}/${key}.f32`;
  };
  return {
    async get(key) {
      const path = pathOf(key);
      const found = await store.stat(path);
      if (found === undefined || found.size % 4 !== 0 || (size !== undefined && found.size !== 4 * size)) {
        return undefined;
      }
      return viewAs(await store.read(path), Float32Array);
    },
    async set(key, features) {
      const path = pathOf(key);
      const unfinished = `${path}.${crypto.randomUUID()}`;
      const writer = await store.append(unfinished, 0);
      try {
        await writer.write(new Uint8Array(features.buffer, features.byteOffset, features.byteLength));
      } finally {
        await writer.close();
      }
      if (!await store.rename(unfinished, path)) await store.remove(unfinished);
    },
  };
}
