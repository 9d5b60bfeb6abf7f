/**
 * A batch of prompts of a golden case, and the front of a graph that embeds it.
 *
 * @module
 */
import type { HostData } from "../../core/backend.ts";
import type { Graph, Tensor } from "../../core/graph/mod.ts";
import { embedPrompt, type VisionLanguageModel } from "../../core/model.ts";
import { spliceIndex } from "../../core/placeholders.ts";

/** Prompts of equal length T, and images with equal numbers per prompt. */
export interface Batch {
  /** Prompts and tokens. */
  readonly shape: readonly [B: number, T: number];
  /** Token ids, `[B,T]`. */
  readonly ids: Int32Array;
  /** Row of each token's image embedding or −1, `[B,T]`; see {@link placeImages}. */
  readonly index: Int32Array;
  /** Features of all images, `[images,N,C]`. Default no images. */
  readonly features?: Float32Array | undefined;
  /** 0 for padding, `[B,T]`. Default none. */
  readonly keep?: Int32Array | undefined;
  /** The id that should follow each token, −1 for none, `[B,T]`. Default none. */
  readonly targets?: Int32Array | undefined;
}

/** Tensors of a batch in a graph, and the values of its inputs. */
export interface EmbeddedBatch {
  /** Embeddings with the images in place, `[B,T,D]`. */
  readonly hidden: Tensor;
  /** 0 for padding, `[B,T]`. */
  readonly keep?: Tensor | undefined;
  /** Wanted ids, `[B,T]`. */
  readonly targets?: Tensor | undefined;
  /** Values to write before a run, by input. */
  readonly inputs: Readonly<Record<string, HostData>>;
}

/**
 * The `index` of a batch whose rows have the same number of images each.
 *
 * @throws {PlaceholderError} if images touch
 */
export function placeImages(
  ids: Int32Array,
  { model, shape: [B, T], perRow }: {
    readonly model: VisionLanguageModel;
    readonly shape: Batch["shape"];
    readonly perRow: number;
  },
): Int32Array {
  const { placeholder } = model;
  const index = new Int32Array(B * T);
  for (let b = 0; b < B; b++) {
    const row = ids.subarray(b * T, (b + 1) * T);
    const firstRow = b * perRow * placeholder.tokens;
    index.set(spliceIndex(row, placeholder, { images: perRow, firstRow }), b * T);
  }
  return index;
}

/** Appends inputs, projector, embedding and splice to a graph. */
export function embedBatch(graph: Graph, model: VisionLanguageModel, batch: Batch): EmbeddedBatch {
  const { shape, features } = batch;
  const inputs: Record<string, HostData> = {};
  const integers = (name: string, values: Int32Array | undefined) => {
    if (values === undefined) return undefined;
    inputs[name] = values;
    return graph.input(name, "i32", shape);
  };
  const ids = integers("ids", batch.ids)!;
  const { keep, targets } = { keep: integers("keep", batch.keep), targets: integers("targets", batch.targets) };
  if (features === undefined) return { hidden: embedPrompt(graph, model, { ids }), keep, targets, inputs };

  const { tokens, width } = model.projector.input;
  const images = graph.input("features", "f32", [features.length / (tokens * width), tokens, width]); // [images,N,C]
  inputs["features"] = features;
  const embeddings = model.projector.project(graph, images); // [images,N,D]
  const index = integers("index", batch.index)!;
  return { hidden: embedPrompt(graph, model, { ids, images: { embeddings, index } }), keep, targets, inputs };
}
