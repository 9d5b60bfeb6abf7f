/**
 * LoRA adapters that a model is loaded with.
 *
 * @module
 */
import { adaptersOf, type LoraConfig, parseConfig } from "../core/config.ts";
import { ConfigError, WeightError } from "../core/errors.ts";
import type { VisionLanguageModel } from "../core/model.ts";
import { planParameters } from "../core/model_plans.ts";
import type { TensorSource } from "../core/weights.ts";
import { openCheckpoint } from "../data/checkpoint.ts";
import { isRemoteName } from "../data/hub/hub_name.ts";
import { checkLora, type LoraAdapter, readLora } from "../data/lora_file.ts";
import { mergeLora } from "../data/lora_merge.ts";
import { asFolder, type Files, resolveName } from "./files.ts";

/** The document of a folder with an adapter: a config of its base, `model`, and of the adapter itself, `lora`. */
export const adapterDocument = "adapter.json";

/** A model and the adapters that go with it. */
export interface AdaptedModel {
  /** A released model's name, or where the model is. */
  readonly model: string;
  /** The adapters; none for a model of its own. */
  readonly lora: readonly LoraConfig[];
}

/**
 * The model and the adapters that a name stands for. The folder of an adapter stands for its base, which may be such a
 * folder itself; every other name for itself.
 *
 * @throws {ConfigError} naming what is wrong with a folder's document
 */
export async function findAdapters(name: string, files: Files): Promise<AdaptedModel> {
  const seen = new Set<string>();
  let found: AdaptedModel = { model: name, lora: [] };
  while (await files.isFolder(found.model) && (await files.folder(found.model).list()).includes(adapterDocument)) {
    const { href } = asFolder(files.resolve(found.model));
    if (seen.has(href)) throw new ConfigError(`Cannot find model "${name}": "${found.model}" is its own base`);
    seen.add(href);
    const { model, lora } = await readDocument(found.model, files);
    found = { model, lora: [...lora, ...found.lora] };
  }
  return found;
}

/** Reads the document of an adapter's folder. Paths in it start from the folder. */
async function readDocument(folder: string, files: Files): Promise<AdaptedModel> {
  const url = asFolder(files.resolve(folder));
  const fail = (problem: string, cause?: unknown) =>
    new ConfigError(`Cannot read "${adapterDocument}" of "${folder}": ${problem}`, { cause });
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder().decode(await files.folder(folder).read(adapterDocument)));
  } catch (cause) {
    if (!(cause instanceof SyntaxError)) throw cause;
    throw fail("it is not JSON", cause);
  }
  const { model, lora, ...rest } = parseConfig(json, adapterDocument);
  if (model === undefined || lora === undefined || Object.keys(rest).length > 0) {
    throw fail("it must have model and lora, and nothing else");
  }
  const place = (name: string) => isRemoteName(name) ? name : resolveName(name, url).href;
  return {
    model: /^(\.{0,2}[\\/]|[a-z]:\\)/i.test(model) ? place(model) : model,
    lora: adaptersOf({ lora }).map(({ file, scale }) => ({ file: place(file), scale })),
  };
}

/** Options of {@link addAdapters}. */
export interface AddAdaptersOptions {
  /** Files of adapters and how much of each; several add up. */
  readonly adapters: readonly LoraConfig[];
  /** Reads them. */
  readonly files: Files;
  /** The model they must fit. */
  readonly model: VisionLanguageModel;
}

/**
 * Adds adapters to a model's weights. Labels of those that change tell of it: `model.pth with medical.safetensors`.
 *
 * @throws {WeightError} naming the adapter, and the layer that the model or its weights do not have or that is of
 *   another size
 */
export async function addAdapters(
  sources: ReadonlyMap<string, TensorSource>,
  { adapters, files, model }: AddAdaptersOptions,
): Promise<Map<string, TensorSource>> {
  if (adapters.length === 0) return new Map(sources);
  const parameters = planParameters(model).storages;
  let added = new Map(sources);
  for (const { file, scale } of adapters) {
    const adapter = await readAdapter(file, files, (adapter) => {
      checkLora(adapter, parameters);
      const absent = [...adapter.layers.keys()].find((layer) => ![...sources.values()].some(has(layer)));
      if (absent !== undefined) throw new WeightError(`Cannot use LoRA "${absent}": no file has the layer's weight`);
    });
    const name = file.split(/[\\/]/).at(-1)!;
    added = new Map([...added].map(([label, source]): [string, TensorSource] => {
      const changes = [...adapter.layers.keys()].some((layer) => has(layer)(source));
      return changes ? [`${label} with ${name}`, mergeLora(source, [{ adapter, scale }])] : [label, source];
    }));
  }
  return added;
}

function has(layer: string): (source: TensorSource) => boolean {
  return (source) => source.has(`${layer}.weight`);
}

/**
 * Reads an adapter's file.
 *
 * @throws {WeightError} naming the file and what is wrong with it, or what `check` has to say
 */
export async function readAdapter(
  file: string,
  files: Files,
  check: (adapter: LoraAdapter) => void = () => {},
): Promise<LoraAdapter> {
  const checkpoint = openCheckpoint([{ name: file, bytes: await files.open(file) }]);
  try {
    const adapter = readLora(checkpoint);
    check(adapter);
    return adapter;
  } catch (cause) {
    if (!(cause instanceof WeightError)) throw cause;
    const problem = cause.message.replace(/^Cannot (read|use) LoRA /, "");
    throw new WeightError(`Cannot use LoRA "${file}": ${problem}`, { cause });
  }
}
