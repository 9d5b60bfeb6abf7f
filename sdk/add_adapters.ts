/**
 * LoRA adapters added to the weights that a model is loaded with. It is loaded for the first adapter.
 *
 * @module
 */
import type { LoraConfig } from "../core/config.ts";
import { WeightError } from "../core/errors.ts";
import type { VisionLanguageModel } from "../core/model.ts";
import { planParameters } from "../core/model_plans.ts";
import type { TensorSource } from "../core/weights.ts";
import { openCheckpoint } from "../data/checkpoint.ts";
import { checkLora, type LoraAdapter, readLora } from "../data/lora_file.ts";
import { mergeLora } from "../data/lora_merge.ts";
import type { Files } from "./files.ts";

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
  const checkpoint = await openCheckpoint([{ name: file, bytes: await files.open(file) }]);
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
