/**
 * What a step takes of an image: features of a frozen encoder, computed once, or pixels for an encoder that learns.
 *
 * @module
 */
import { isGraphEncoder } from "../core/encoder.ts";
import { Graph } from "../core/graph/graph.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import { encodeImages, type VisionLanguageModel } from "../core/model.ts";

/** How images enter a step, its validation and its batches. */
export interface ImageInput {
  /** Features of a frozen encoder, or pixels. */
  readonly kind: "features" | "pixels";
  /** Extents of one image: `[N,C]` or `[3,S,S]`. */
  readonly shape: readonly number[];
  /** Embeddings that an image becomes. */
  readonly tokens: number;
}

/** Pixels where one of the encoder's parameters is to be trained, else features. */
export function chooseImageInput(
  model: VisionLanguageModel,
  { trainable }: { readonly trainable: ReadonlySet<string> },
): ImageInput {
  const { encoder, projector: { input, output } } = model;
  if (encoder !== undefined && isGraphEncoder(encoder)) {
    const shape = [3, encoder.pixels.size, encoder.pixels.size];
    const graph = new Graph();
    encoder.encode(graph, graph.input("images", "f32", [1, ...shape]));
    const learns = [...graph.named.values()].some(({ role, name }) => role === "parameter" && trainable.has(name));
    if (learns) return { kind: "pixels", shape, tokens: output.tokens };
  }
  return { kind: "features", shape: [input.tokens, input.width], tokens: output.tokens };
}

/** Features `[M,N,C]` or pixels `[M,3,S,S]` → embeddings `[M,N,D]`. */
export function embedImages(
  graph: Graph,
  model: VisionLanguageModel,
  { kind, images }: Pick<ImageInput, "kind"> & { readonly images: Tensor },
): Tensor {
  return kind === "pixels" ? encodeImages(graph, model, images) : model.projector.project(graph, images);
}
