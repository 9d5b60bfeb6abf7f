/**
 * What a checkpoint or a model folder holds, in words and numbers.
 *
 * @module
 */
import { WeightError } from "../../core/errors.ts";
import { elementCount } from "../../core/graph/tensor.ts";
import type { TensorSource } from "../../core/weights.ts";
import { type Checkpoint, modelTensors } from "../../data/checkpoint.ts";
import { inferEncoder, type InferredEncoder, splitEncoder } from "../../data/infer_encoder.ts";
import { inferModel, type InferredModel } from "../../data/infer_model.ts";
import { isLora, readLora } from "../../data/lora_file.ts";

/** Tensors of one kind. */
export interface TensorCount {
  /** Tensors. */
  readonly tensors: number;
  /** Numbers in them. */
  readonly parameters: number;
}

/** A tensor as a listing shows it. */
export interface ListedTensor {
  /** Its name in the file. */
  readonly name: string;
  /** Element type in the file. */
  readonly dtype: string;
  /** Extents. */
  readonly shape: readonly number[];
}

/** A LoRA adapter in short. */
export interface AdapterSummary {
  /** Rows of every A. */
  readonly rank: number;
  /** Its change is scaled by alpha / rank. */
  readonly alpha: number;
  /** How many layers of each kind it adapts, `*` for a number in their names. */
  readonly layers: Readonly<Record<string, number>>;
}

/** What was found. */
export interface Contents {
  /** The files with tensors. */
  readonly files: Checkpoint["files"];
  /** Tensors by element type. */
  readonly dtypes: Readonly<Record<string, TensorCount>>;
  /** Tensors by part of the model; `other` where no model was recognised. */
  readonly parts: Readonly<Record<string, TensorCount>>;
  /** Decoder and projector, where they were recognised. */
  readonly model?: InferredModel | undefined;
  /** The vision encoder, where there is one. */
  readonly encoder?: InferredEncoder | undefined;
  /** The LoRA adapter, where it is one. */
  readonly adapter?: AdapterSummary | undefined;
  /** Why no model was recognised. */
  readonly problem?: string | undefined;
  /** What the file holds beside tensors, such as a training run's counters. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Every tensor. */
  readonly tensors: readonly ListedTensor[];
}

/** Looks into a checkpoint; `config` is the `config.json` beside it. */
export function inspectCheckpoint(checkpoint: Checkpoint, config?: unknown): Contents {
  const { files, tensors, values } = checkpoint;
  const all = [...tensors].map(([name, { dtype, shape }]): ListedTensor => ({ name, dtype, shape }));
  return {
    files,
    dtypes: countBy(all, ({ dtype }) => dtype),
    ...recognise(checkpoint, config),
    values: Object.fromEntries(values),
    tensors: all,
  };
}

/** What a file was recognised as. */
type Recognised = Pick<Contents, "parts" | "model" | "encoder" | "adapter" | "problem">;

/** A whole model, an encoder alone, an adapter, or nothing that is known. */
function recognise(checkpoint: Checkpoint, config: unknown): Recognised {
  if (isLora(checkpoint)) return recogniseAdapter(checkpoint);
  let found: TensorSource;
  try {
    found = modelTensors(checkpoint);
  } catch (error) {
    return { parts: countBy([...checkpoint.tensors.values()], () => "other"), problem: messageOf(error) };
  }
  const tensors = [...found].map(([name, { shape }]) => ({ name, shape }));
  try {
    const model = inferModel(found, { config });
    const own = splitEncoder(found).model;
    const partOf = (name: string) =>
      own.has(name) ? name.startsWith("vision_proj.") ? "projector" : "decoder" : "encoder";
    return { parts: countBy(tensors, ({ name }) => partOf(name)), model, encoder: model.encoder };
  } catch (error) {
    const problem = messageOf(error);
    try {
      const encoder = inferEncoder(found, config);
      return { parts: countBy(tensors, ({ name }) => isText(name) ? "text model" : "encoder"), encoder };
    } catch (other) {
      messageOf(other);
      return { parts: countBy(tensors, () => "other"), problem };
    }
  }
}

function recogniseAdapter(checkpoint: Checkpoint): Recognised {
  const tensors = [...checkpoint.tensors].map(([name, { shape }]) => ({ name, shape }));
  const parts = countBy(tensors, ({ name }) => /^(module\.)?vision_proj\./.test(name) ? "projector" : "decoder");
  try {
    const { rank, alpha, layers } = readLora(checkpoint);
    const kinds: Record<string, number> = {};
    for (const layer of layers.keys()) {
      const kind = layer.replace(/(?<=\.)\d+(?=\.)/g, "*");
      kinds[kind] = (kinds[kind] ?? 0) + 1;
    }
    return { parts, adapter: { rank, alpha, layers: kinds } };
  } catch (error) {
    return { parts, problem: messageOf(error) };
  }
}

/** Checkpoints of CLIP and SigLIP mostly hold the text's side too. */
function isText(name: string): boolean {
  return /^(text_model|text_projection|logit_(scale|bias))/.test(name);
}

function countBy<Item extends { readonly shape: readonly number[] }>(
  items: readonly Item[],
  kind: (item: Item) => string,
): Record<string, TensorCount> {
  const counts: Record<string, { tensors: number; parameters: number }> = {};
  for (const item of items) {
    const count = counts[kind(item)] ??= { tensors: 0, parameters: 0 };
    count.tensors++;
    count.parameters += elementCount(item.shape);
  }
  return counts;
}

/** The text of an error about weights; any other error is thrown again. */
function messageOf(error: unknown): string {
  if (error instanceof WeightError) return error.message;
  throw error;
}
