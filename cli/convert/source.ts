/**
 * What `convert` reads: a checkpoint, a model's folder, a released model, or any of them with LoRA adapters; or an
 * adapter alone.
 *
 * @module
 */
import type { LoraConfig } from "../../core/config.ts";
import { ConfigError } from "../../core/errors.ts";
import { type Checkpoint, modelTensors, openCheckpoint } from "../../data/checkpoint.ts";
import { isCompanion, type ModelToExport } from "../../data/export.ts";
import { checkLora, isLora, type LoraAdapter, readLora } from "../../data/lora_file.ts";
import { mergeLora } from "../../data/lora_merge.ts";
import { openModelFolder } from "../../data/model_folder.ts";
import { findPreset } from "../../models/mod.ts";
import { findAdapters } from "../../sdk/adapters.ts";
import { readAdapter } from "../../sdk/add_adapters.ts";
import type { Files } from "../../sdk/files.ts";

/** Options of {@link readSource}. */
export interface SourceOptions {
  /** Reads files. */
  readonly files: Files;
  /** The checkpoint to take where a folder has several. */
  readonly weights?: string | undefined;
  /** The model's `config.json`. Default the one beside the checkpoint. */
  readonly config?: string | undefined;
  /** Folders of the tokenizer. Default those beside the checkpoint. */
  readonly tokenizer?: string | undefined;
  /** Whether files beside the weights are read too. */
  readonly withCompanions: boolean;
  /** Adapters that are added to the weights. */
  readonly adapters: readonly LoraConfig[];
}

/** A model, or an adapter alone. */
export type ConvertSource = { readonly model: ModelToExport } | { readonly adapter: LoraAdapter };

/**
 * Reads what a name stands for.
 *
 * @throws {ConfigError} if a file cannot be read
 * @throws {WeightError} if it is no checkpoint, or an adapter does not fit
 */
export async function readSource(from: string, options: SourceOptions): Promise<ConvertSource> {
  const { files } = options;
  const { model: name, lora } = await findAdapters(from, files);
  const isFolder = await files.isFolder(name);
  const { checkpoint, config } = await open(name, isFolder, options);
  if (isLora(checkpoint)) return { adapter: readLora(checkpoint) };
  let tensors = modelTensors(checkpoint);
  for (const { file, scale } of [...lora, ...options.adapters]) {
    const adapter = await readAdapter(file, files, (adapter) => checkLora(adapter, tensors));
    tensors = mergeLora(tensors, [{ adapter, scale }]);
  }
  const companions = new Map<string, Uint8Array>();
  for (const folder of options.withCompanions ? [isFolder ? name : undefined, options.tokenizer] : []) {
    if (folder === undefined) continue;
    if (!await files.isFolder(folder)) throw new ConfigError(`Cannot read "${folder}": there is no such folder`);
    const { list, read } = files.folder(folder);
    for (const name of (await list()).filter(isCompanion).toSorted()) companions.set(name, await read(name));
  }
  const given = options.config === undefined ? config : await readJson(options.config, files);
  return { model: { tensors, config: given, files: companions } };
}

async function open(
  name: string,
  isFolder: boolean,
  { files, weights }: SourceOptions,
): Promise<{ readonly checkpoint: Checkpoint; readonly config?: unknown }> {
  if (isFolder) return await openModelFolder(files.folder(name), { weights });
  const [file = name] = /[\\/.]/.test(name) ? [] : [findPreset(name).config.weights ?? []].flat();
  return { checkpoint: await openCheckpoint([{ name: file, bytes: await files.open(file) }]) };
}

async function readJson(name: string, files: Files): Promise<unknown> {
  const text = new TextDecoder().decode(await files.read(name));
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`Cannot read "${name}": it is not JSON`, { cause });
  }
}
