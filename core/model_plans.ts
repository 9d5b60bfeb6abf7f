/**
 * The plans of a model at inference: encode an image, take in a piece of the prompt, decode one token.
 *
 * @module
 */
import type { Backend, Storage } from "./backend.ts";
import type { CacheOptions } from "./decoder.ts";
import { isGraphEncoder } from "./encoder.ts";
import { ConfigError } from "./errors.ts";
import { Graph } from "./graph/graph.ts";
import { type Plan, planGraph } from "./graph/plan.ts";
import type { Tensor } from "./graph/tensor.ts";
import { embedPrompt, encodeImages, forward, type VisionLanguageModel } from "./model.ts";
import { type BindOptions, bindWeights, type ParameterOrigin, parameterOrigins } from "./weights.ts";

/** Sizes of the plans of one generator. */
export interface DecodeSizes {
  /** Positions S of the KV cache. */
  readonly capacity: number;
}

/** Sizes of a plan that takes in a piece of the prompt. */
export interface PrefillSizes extends DecodeSizes {
  /** Tokens T of the piece. */
  readonly tokens: number;
  /** Whether an id is drawn after the piece, as is wanted after the last one. */
  readonly draws: boolean;
}

/**
 * One image to its embeddings: input `pixels` `[1,3,S,S]`, or `features` `[1,N,C]` where the encoder runs outside
 * the graph; output `embeddings` `[1,N,D]`.
 *
 * @throws {ConfigError} if the model has no encoder
 */
export function planEncode(model: VisionLanguageModel): Plan {
  if (model.encoder === undefined) throw new ConfigError("Cannot encode images: the model has no encoder");
  const graph = new Graph();
  graph.output("embeddings", embedImage(graph, model));
  return planGraph(graph);
}

/** Image embeddings from pixels, or from features where no encoder is on the graph. */
function embedImage(graph: Graph, model: VisionLanguageModel): Tensor {
  const { encoder, projector } = model;
  const { tokens, width } = projector.input;
  if (encoder === undefined || !isGraphEncoder(encoder)) {
    return projector.project(graph, graph.input("features", "f32", [1, tokens, width]));
  }
  const { size } = encoder.pixels;
  return encodeImages(graph, model, graph.input("pixels", "f32", [1, 3, size, size]));
}

/**
 * T tokens of one prompt into the KV cache, from state `position` `[1]` on.
 *
 * Inputs: `ids` `[1,T]`; `images` `[T,D]`, the image embeddings of this piece, at `index` `[1,T]` (−1 for text);
 * and where it draws, `last` `[1]`, the token after which the id comes.
 */
export function planPrefill(model: VisionLanguageModel, { tokens, capacity, draws }: PrefillSizes): Plan {
  const graph = new Graph();
  const hidden = embedPrompt(graph, model, {
    ids: graph.input("ids", "i32", [1, tokens]),
    images: {
      embeddings: graph.input("images", "f32", [tokens, model.decoder.width]),
      index: graph.input("index", "i32", [1, tokens]),
    },
  });
  const cache = cacheOf(graph, capacity);
  if (draws) {
    const row = graph.input("last", "i32", [1]);
    drawToken(graph, forward(graph, model, { hidden, cache, row }).logits);
  } else {
    model.decoder.forward(graph, hidden, { cache });
  }
  return planGraph(graph);
}

/** One step on the device alone: state `token` goes in, the next one is drawn into it, `position` moves on. */
export function planDecode(model: VisionLanguageModel, { capacity }: DecodeSizes): Plan {
  const graph = new Graph();
  const ids = graph.reshape(tokenOf(graph), [1, 1]);
  const cache = cacheOf(graph, capacity);
  const { logits } = forward(graph, model, { hidden: embedPrompt(graph, model, { ids }), cache });
  drawToken(graph, graph.reshape(logits, [1, model.decoder.vocabulary]));
  graph.advance(cache.start, 1);
  return planGraph(graph);
}

/** A plan that touches every parameter of a model once: what a checkpoint must hold, by name and shape. */
export function planParameters(model: VisionLanguageModel): Plan {
  const graph = new Graph();
  graph.output("embeddings", embedImage(graph, model));
  const hidden = model.decoder.embed(graph, graph.input("ids", "i32", [1, 1])); // [B,T,D]
  graph.output("logits", forward(graph, model, { hidden }).logits);
  return planGraph(graph);
}

/** Checkpoints of a whole model, what they may lack, and who is told what they have. */
export type ModelWeights = Pick<BindOptions, "sources" | "allowMissing" | "onOrigins">;

/**
 * Copies a model's parameters from checkpoints to a backend, once; generators share the result.
 *
 * @throws {WeightError} listing all tensors that are missing, unexpected, mis-shaped or contradictory
 */
export function bindModel(backend: Backend, model: VisionLanguageModel, weights: ModelWeights): Map<string, Storage> {
  return bindWeights(backend, [planParameters(model)], bindOptions(model, weights));
}

/**
 * Which checkpoint has each of a model's parameters, without touching a backend.
 *
 * @throws {WeightError} as {@link bindModel} does
 */
export function modelOrigins(model: VisionLanguageModel, weights: ModelWeights): ParameterOrigin[] {
  return parameterOrigins([planParameters(model)], bindOptions(model, weights));
}

function bindOptions({ encoder, decoder }: VisionLanguageModel, weights: ModelWeights): BindOptions {
  const ignores = [...encoder !== undefined && isGraphEncoder(encoder) ? encoder.ignores : [], ...decoder.ignores];
  return { ...weights, tied: decoder.tied, ignores };
}

function cacheOf(graph: Graph, capacity: number): CacheOptions {
  return { capacity, start: graph.state("position", "i32", [1]) };
}

function tokenOf(graph: Graph): Tensor {
  return graph.state("token", "i32", [1]);
}

/** Draws an id from logits `[1,V]` into state `token`; outputs `logits` and `probabilities` `[1,V]` for who asks. */
function drawToken(graph: Graph, logits: Tensor): void {
  const probabilities = graph.sample(logits, graph.state("settings", "f32", [1, 5]), {
    id: tokenOf(graph),
    seen: graph.state("seen", "i32", logits.shape),
    random: graph.state("random", "i32", [1, 2]),
  });
  graph.output("logits", logits);
  graph.output("probabilities", probabilities);
}
