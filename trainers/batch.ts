/**
 * A batch: its numbers, and the inputs and losses it has on a graph, whether it is learnt or only tested on.
 *
 * @module
 */
import type { Program } from "../core/backend.ts";
import { ShapeError } from "../core/errors.ts";
import type { Graph } from "../core/graph/graph.ts";
import { elementCount } from "../core/graph/tensor.ts";
import { embedPrompt, loss, type LossOutput, type VisionLanguageModel } from "../core/model.ts";
import { embedImages, type ImageInput } from "./image_input.ts";

/** Sizes of a batch; every batch of a run has them. */
export interface BatchSizes {
  /** Rows B. */
  readonly rows: number;
  /** Tokens T of a row, padding included. */
  readonly tokens: number;
  /** Images M of the whole batch at most; 0 for text alone. */
  readonly images: number;
  /** Whether rows may hold several sequences. Default false. */
  readonly packed?: boolean | undefined;
}

/** What keeps the sequences of a row apart; see `packedSegment`. */
export interface PackedTokens {
  /** Position of every token in its own sequence, `[T]` or `[B,T]`. */
  readonly position: Int32Array;
  /** Segment of every token, likewise. */
  readonly segment: Int32Array;
}

/** What a step learns from. */
export interface TrainBatch {
  /** Token ids, `[B,T]`. */
  readonly ids: Int32Array;
  /** The id that should follow each token, `[B,T]`; negative where nothing is learnt. */
  readonly targets: Int32Array;
  /**
   * Features of the images `[M,N,C]`, or their pixels `[M,3,S,S]` where the encoder learns. Fewer than the batch has
   * room for are filled up with zeros, which no token refers to.
   */
  readonly images?: Float32Array | undefined;
  /** For each token the row of the images' embeddings, −1 for text, `[B,T]`. Default all text. */
  readonly index?: Int32Array | undefined;
  /** Positions and segments `[B,T]` where the sizes say that rows are packed. */
  readonly packing?: PackedTokens | undefined;
}

/** Options of {@link batchLoss}. */
export interface BatchLossOptions {
  /** Sizes of the batch. */
  readonly sizes: BatchSizes;
  /** How images come. */
  readonly imageInput: ImageInput;
  /** Whether to add the routers' load-balancing losses. */
  readonly auxLoss: boolean;
}

/**
 * Appends a batch's losses. Inputs `ids` and `targets` `[B,T]`, with images `images` and `index` `[B,T]`, where rows are
 * packed `position` and `segment` `[B,T]`.
 */
export function batchLoss(
  graph: Graph,
  model: VisionLanguageModel,
  { sizes: { rows, tokens, images, packed = false }, imageInput, auxLoss }: BatchLossOptions,
): LossOutput {
  const ids = graph.input("ids", "i32", [rows, tokens]);
  const targets = graph.input("targets", "i32", [rows, tokens]);
  const embedded = images === 0 ? undefined : {
    embeddings: embedImages(graph, model, {
      kind: imageInput.kind,
      images: graph.input("images", "f32", [images, ...imageInput.shape]),
    }),
    index: graph.input("index", "i32", [rows, tokens]),
  };
  const hidden = embedPrompt(graph, model, { ids, images: embedded });
  const packing = packed
    ? {
      position: graph.input("position", "i32", [rows, tokens]),
      segment: graph.input("segment", "i32", [rows, tokens]),
    }
    : undefined;
  return loss(graph, model, { hidden, targets, packing, auxLoss });
}

/**
 * Writes a batch into a program that {@link batchLoss} is part of.
 *
 * @throws {ShapeError} if it has more images than room, or lacks what keeps packed rows apart
 */
export function writeBatch(program: Program, { ids, targets, images, index, packing }: TrainBatch): void {
  program.write("ids", ids);
  program.write("targets", targets);
  if (program.plan.inputs.has("segment")) {
    if (packing === undefined) {
      throw new ShapeError("Cannot write a batch: its rows are packed, but it has no segments");
    }
    program.write("position", packing.position);
    program.write("segment", packing.segment);
  }
  const input = program.plan.inputs.get("images");
  if (input === undefined) return;
  const room = elementCount(input.shape);
  if (images !== undefined && images.length > room) {
    throw new ShapeError(`Cannot write a batch: ${images.length} numbers of images, the step has room for ${room}`);
  }
  program.write("images", images?.length === room ? images : padded(images, room));
  program.write("index", index ?? new Int32Array(ids.length).fill(-1));
}

function padded(images: Float32Array | undefined, room: number): Float32Array {
  const all = new Float32Array(room);
  if (images !== undefined) all.set(images);
  return all;
}
