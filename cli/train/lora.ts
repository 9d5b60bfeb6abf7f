/**
 * A run that trains a LoRA adapter: how it begins, and the folder it leaves.
 *
 * @module
 */
import { relative, resolve } from "node:path";
import type { Storages } from "../../core/backend.ts";
import { ConfigError } from "../../core/errors.ts";
import type { FileStore } from "../../data/hub/mod.ts";
import { writeLora } from "../../data/lora_writer.ts";
import { adapterDocument } from "../../sdk/adapters.ts";
import { readAdapter } from "../../sdk/add_adapters.ts";
import type { ChatModelParts } from "../../sdk/chat_model.ts";
import type { Files } from "../../sdk/files.ts";
import { chooseLoraLayers, LoraTraining } from "../../trainers/lora.ts";
import { writeText, writeWhole } from "../../trainers/model_files.ts";
import type { TrainSettings } from "./settings.ts";

/** What {@link openLora} takes beside the model. */
export interface LoraRun {
  /** The run. */
  readonly settings: TrainSettings;
  /** Reads the adapter to go on from. */
  readonly files: Files;
  /** Parameters that no file has. */
  readonly missing: readonly string[];
}

/**
 * Puts the adapter of a run beside its model; undefined if the run trains the model itself.
 *
 * @throws {ConfigError} naming the pattern that no layer has, or if the base could not be found again: no file has all
 *   of it, or the folder of the run is its own
 * @throws {WeightError} if the adapter to go on from does not fit
 */
export async function openLora(
  { backend, model, weights }: ChatModelParts,
  { settings, files, missing }: LoraRun,
): Promise<LoraTraining | undefined> {
  const { lora, seed, out, start: { model: base } } = settings;
  if (lora === undefined || base === undefined) return undefined;
  if (missing.length > 0) {
    throw new ConfigError(`Cannot train an adapter for "${base}": no file of the base has "${missing[0]}"`);
  }
  if (await files.isFolder(base) && resolve(base) === resolve(out)) {
    throw new ConfigError(`Cannot train an adapter into "${out}": it is the folder of its model`);
  }
  const { rank, alpha, layers, weight } = lora;
  const start = weight === undefined
    ? { rank, alpha, layers: chooseLoraLayers(model, layers), seed }
    : await readAdapter(weight, files);
  return new LoraTraining(backend, { model, weights, start });
}

/** Where {@link writeAdapterFolder} writes. */
export interface AdapterPlace {
  /** The folder of the run. */
  readonly store: FileStore;
  /** The folder in it, empty for itself. */
  readonly folder: string;
  /** The run. */
  readonly settings: TrainSettings;
  /** Where the adapter's matrices are as the run gives them. */
  readonly weights: Storages;
}

/** Writes an adapter, and the document by which it is loaded with its model. Resolves to the adapter's bytes. */
export async function writeAdapterFolder(
  lora: LoraTraining,
  { store, folder, settings, weights }: AdapterPlace,
): Promise<{ readonly file: string; readonly bytes: number }> {
  const mixture = [...lora.weights.keys()].some((name) => name.includes(".experts."));
  const file = `${settings.lora?.name}_${lora.model.decoder.width}${mixture ? "_moe" : ""}.safetensors`;
  const path = (name: string) => folder === "" ? name : `${folder}/${name}`;
  const bytes = writeLora(await lora.read(weights));
  await writeWhole(store, path(file), bytes);
  const config = { model: await fromFolder(settings.start.model!, resolve(settings.out, folder)), lora: file };
  await writeText(store, path(adapterDocument), `${JSON.stringify(config, undefined, 2)}\n`);
  return { file, bytes: bytes.length };
}

/** A model's name as a document in `folder` has it: paths start from there. */
async function fromFolder(model: string, folder: string): Promise<string> {
  if (!await Deno.stat(model).then(() => true, () => false)) return model;
  const path = relative(folder, resolve(model)).replaceAll("\\", "/");
  return /^(\.|\/|[a-z]:)/i.test(path) ? path : `./${path}`;
}
