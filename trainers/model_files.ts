/**
 * A trained model as a folder in Hugging Face's layout, which this library, and who reads safetensors, can load.
 *
 * @module
 */
import type { Backend, Storages } from "../core/backend.ts";
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
  /** A file of their own for the encoder's parameters, under their own names. Default none. */
  readonly encoderFile?: string | undefined;
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
  { backend, weights, withEncoder, encoderFile, documents }: ModelFiles,
): Promise<void> {
  const path = (name: string) => folder === "" ? name : `${folder}/${name}`;
  for (const [name, text] of documents) await writeText(store, path(name), text);
  const all = [...weights].filter(([, { spec }]) => spec.dtype === "f32");
  const encoder = all.filter(([name]) => !isOwn(name));
  if (encoderFile !== undefined) await writeTensors(path(encoderFile), new Map(encoder), { store, backend });
  const inside = withEncoder ? encoder.map(([name, storage]) => [`vision_encoder.${name}`, storage] as const) : [];
  const own = all.filter(([name]) => isOwn(name));
  await writeTensors(path("model.safetensors"), new Map([...own, ...inside]), { store, backend });
}

/** Whether a parameter is of decoder or projector. */
function isOwn(name: string): boolean {
  return /^(model|lm_head|vision_proj)\./.test(name);
}

async function writeTensors(
  path: string,
  tensors: Storages,
  { store, backend }: { readonly store: FileStore; readonly backend: Backend },
): Promise<void> {
  const writer = await store.append(`${path}.part`, 0);
  try {
    await writeStorages(backend, tensors, writer);
  } finally {
    await writer.close();
  }
  await store.rename(`${path}.part`, path);
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
