/**
 * A trained model as a folder in Hugging Face's layout, which this library, and who reads safetensors, can load.
 *
 * @module
 */
import type { Backend, Storage, Storages } from "../core/backend.ts";
import type { FileStore } from "../data/hub/file_store.ts";
import { writeStorages } from "./tensor_stream.ts";

/** What is written. */
export interface ModelFiles {
  /** The backend of the weights. */
  readonly backend: Backend;
  /** The model's parameters. */
  readonly weights: Storages;
  /** Whether the encoder's parameters go along, as `vision_encoder.*`. */
  readonly withEncoder: boolean;
  /** Texts by file name: `config.json`, `tokenizer.json`, …. */
  readonly documents: ReadonlyMap<string, string>;
}

/**
 * Writes `model.safetensors` and the documents. Each file is written under another name and renamed when it is whole;
 * the weights come last.
 */
export async function writeModelFiles(
  store: FileStore,
  folder: string,
  { backend, weights, withEncoder, documents }: ModelFiles,
): Promise<void> {
  const path = (name: string) => folder === "" ? name : `${folder}/${name}`;
  for (const [name, text] of documents) await writeText(store, path(name), text);
  const tensors = new Map<string, Storage>();
  for (const [name, storage] of weights) {
    if (storage.spec.dtype !== "f32") continue;
    const own = /^(model|lm_head|vision_proj)\./.test(name);
    if (own || withEncoder) tensors.set(own ? name : `vision_encoder.${name}`, storage);
  }
  const writer = await store.append(path("model.safetensors.part"), 0);
  try {
    await writeStorages(backend, tensors, writer);
  } finally {
    await writer.close();
  }
  await store.rename(path("model.safetensors.part"), path("model.safetensors"));
}

/** Writes a text so that a reader finds the old one or the new one, never a part. */
export async function writeText(store: FileStore, path: string, text: string): Promise<void> {
  await writeWhole(store, path, new TextEncoder().encode(text));
}

/** Writes a file so that a reader finds the old one or the new one, never a part. */
export async function writeWhole(store: FileStore, path: string, bytes: Uint8Array): Promise<void> {
  const writer = await store.append(`${path}.part`, 0);
  try {
    await writer.write(bytes);
  } finally {
    await writer.close();
  }
  await store.rename(`${path}.part`, path);
}
