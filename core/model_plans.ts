/**
 * The plans of a model at inference: encode an image, take in a piece of a prompt, decode one token of each sequence,
 * copy from one row of the KV cache to another.
 *
 * @module
 */
import type { Backend, Storage } from "./backend.ts";
import type { CacheOptions } from "./decoder.ts";
import { isGraphEncoder } from "./encoder.ts";
import { ConfigError } from "./errors.ts";
import { Graph } from "./graph/graph.ts";
import type { Call } from "./graph/kernels.ts";
import { type Plan, planGraph } from "./graph/plan.ts";
import { byteLength, elementCount, type Tensor } from "./graph/tensor.ts";
import { embedPrompt, encodeImages, forward, type VisionLanguageModel } from "./model.ts";
import { type BindOptions, bindWeights, type ParameterOrigin, parameterOrigins } from "./weights.ts";

/** Sizes of a KV cache. */
export interface CacheSizes {
  /** Positions S of a row. */
  readonly capacity: number;
  /** Rows R. Default 1. */
  readonly rows?: number | undefined;
}

/** Sizes of a plan that decodes. */
export interface DecodeSizes extends CacheSizes {
  /** Sequences B that take part in a step. Default 1. */
  readonly batch?: number | undefined;
  /** Whether state `bias` `[B,V]` is added to the logits before ids are drawn. Default false. */
  readonly biased?: boolean | undefined;
}

/** Sizes of a plan that takes in a piece of a prompt. */
export interface PrefillSizes extends CacheSizes {
  /** Tokens T of the piece. */
  readonly tokens: number;
  /** Whether an id is drawn after the piece, as is wanted after the last one. */
  readonly draws: boolean;
  /** Whether state `bias` `[1,V]` is added to the logits before it is. Default false. */
  readonly biased?: boolean | undefined;
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
 * T tokens of one prompt into row `row` `[1]` of the KV cache, from state `position` `[1]` on; a cache of one row has no
 * `row`.
 *
 * Inputs: `ids` `[1,T]`; `images` `[T,D]`, the image embeddings of this piece, at `index` `[1,T]` (−1 for text);
 * and where it draws, `last` `[1]`, the token after which the id comes.
 */
export function planPrefill(model: VisionLanguageModel, sizes: PrefillSizes): Plan {
  const { tokens, draws } = sizes;
  const graph = new Graph();
  const hidden = promptInput(graph, model, tokens);
  const cache = cacheOf(graph, { ...sizes, batch: 1 });
  if (draws) {
    const row = graph.input("last", "i32", [1]);
    drawTokens(graph, forward(graph, model, { hidden, cache, row }).logits, sizes);
  } else {
    model.decoder.forward(graph, hidden, { cache });
  }
  return planGraph(graph);
}

/**
 * T tokens of a prompt by themselves, without a cache: inputs as those of {@link planPrefill}, output `hidden` `[1,T,D]`,
 * the decoder's last hidden states.
 */
export function planHidden(model: VisionLanguageModel, tokens: number): Plan {
  const graph = new Graph();
  graph.output("hidden", model.decoder.forward(graph, promptInput(graph, model, tokens)).hidden);
  return planGraph(graph);
}

/**
 * T tokens as {@link planHidden} takes them; outputs `q.0` `[1,T,H,C]` and `k.0` `[1,T,G,C]`, `q.1` and so on: what the
 * attention of each of the decoder's blocks compares.
 */
export function planAttention(model: VisionLanguageModel, tokens: number): Plan {
  const graph = new Graph();
  model.decoder.forward(graph, promptInput(graph, model, tokens));
  for (const [i, { inputs }] of attentionCalls(graph).entries()) {
    graph.output(`q.${i}`, inputs.q);
    graph.output(`k.${i}`, inputs.k);
  }
  return planGraph(graph);
}

/** The calls of attention of a graph or plan, in order. */
export function attentionCalls(
  { calls }: { readonly calls: readonly Call[] },
): Extract<Call, { kernel: "attention" }>[] {
  return calls.filter((call) => call.kernel === "attention");
}

/** Embeddings `[1,T,D]` of a piece of a prompt, from its inputs `ids`, `images` and `index`. */
function promptInput(graph: Graph, model: VisionLanguageModel, tokens: number): Tensor {
  return embedPrompt(graph, model, {
    ids: graph.input("ids", "i32", [1, tokens]),
    images: {
      embeddings: graph.input("images", "f32", [tokens, model.decoder.width]),
      index: graph.input("index", "i32", [1, tokens]),
    },
  });
}

/** Bytes of a KV cache. */
export function cacheBytes(model: VisionLanguageModel, sizes: CacheSizes): number {
  const { storages } = planDecode(model, sizes);
  const caches = [...storages.values()].filter(({ role, name }) => role === "state" && !ownStates.has(name));
  return caches.reduce((sum, tensor) => sum + byteLength(tensor), 0);
}

/**
 * One step of B sequences on the device alone: of each, state `token` goes into row `row` of the KV cache at `position`,
 * the next one is drawn into it, `position` moves on. A cache of one row has no `row`.
 */
export function planDecode(model: VisionLanguageModel, sizes: DecodeSizes): Plan {
  const { batch = 1 } = sizes;
  const graph = new Graph();
  const ids = graph.reshape(tokensOf(graph, batch), [batch, 1]);
  const cache = cacheOf(graph, { ...sizes, batch });
  const { logits } = forward(graph, model, { hidden: embedPrompt(graph, model, { ids }), cache });
  drawTokens(graph, graph.reshape(logits, [batch, model.decoder.vocabulary]), sizes);
  graph.advance(cache.start, 1);
  return planGraph(graph);
}

/** Positions that {@link planCopy} copies at once: 16, or a whole row where 16 does not divide it. */
export function copyBlock(capacity: number): number {
  return capacity % 16 === 0 ? 16 : capacity;
}

/**
 * Copies block `from` `[1]` of the KV cache to block `to` `[1]`, in all layers. A row is `capacity` /
 * {@link copyBlock} blocks, and rows follow each other.
 */
export function planCopy(model: VisionLanguageModel, { capacity, rows = 1 }: CacheSizes): Plan {
  const graph = new Graph();
  const [from, to] = [graph.input("from", "i32", [1]), graph.input("to", "i32", [1])];
  const start = graph.input("start", "i32", [1]); // always 0: a block is written from its first position on
  const block = copyBlock(capacity);
  const blocks = rows * capacity / block;
  const { storages } = planDecode(model, { capacity, rows });
  const caches = [...storages.values()].filter(({ role, name }) => role === "state" && !ownStates.has(name));
  const copies = caches.map(({ name, dtype, shape }) => {
    const cache = graph.state(name, dtype, shape); // [R,S,…]
    const width = elementCount(shape) / (rows * capacity);
    const taken = graph.takeRow(graph.reshape(cache, [1, blocks, block * width]), from);
    return { cache: graph.reshape(cache, [blocks, block, 1, width]), x: graph.reshape(taken, [1, block, 1, width]) };
  });
  for (const { cache, x } of copies) graph.cacheWrite(cache, x, { start, row: to });
  return planGraph(graph);
}

/** Names of the states that belong to one plan; all others are the KV cache, which plans share. */
export const ownStates: ReadonlySet<string> = new Set([
  "token",
  "position",
  "row",
  "settings",
  "random",
  "seen",
  "bias",
]);

/** A plan that touches every parameter of a model once: what a checkpoint must hold, by name and shape. */
export function planParameters(model: VisionLanguageModel): Plan {
  const graph = new Graph();
  graph.output("embeddings", embedImage(graph, model));
  const hidden = model.decoder.embed(graph, graph.input("ids", "i32", [1, 1])); // [B,T,D]
  graph.output("logits", forward(graph, model, { hidden }).logits);
  return planGraph(graph);
}

/** Checkpoints of a whole model, what they may lack, and who is told what they have. */
export type ModelWeights = Pick<BindOptions, "sources" | "allowMissing" | "onOrigins" | "onNotice">;

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

function cacheOf(graph: Graph, { capacity, rows = 1, batch }: CacheSizes & { readonly batch: number }): CacheOptions {
  const start = graph.state("position", "i32", [batch]);
  return rows === 1 ? { capacity, start } : { capacity, rows, start, row: graph.state("row", "i32", [batch]) };
}

function tokensOf(graph: Graph, batch: number): Tensor {
  return graph.state("token", "i32", [batch]);
}

/**
 * Draws ids from logits `[B,V]` into state `token`, which is output `ids` `[B]`; outputs `logits`, as the model gives
 * them, and `probabilities` `[B,V]` for who asks.
 */
function drawTokens(graph: Graph, logits: Tensor, { biased = false }: Pick<DecodeSizes, "biased">): void {
  const batch = logits.shape[0]!;
  const drawn = biased ? graph.add(logits, graph.state("bias", "f32", logits.shape)) : logits;
  const ids = tokensOf(graph, batch);
  const probabilities = graph.sample(drawn, graph.state("settings", "f32", [batch, 5]), {
    id: ids,
    seen: graph.state("seen", "i32", logits.shape),
    random: graph.state("random", "i32", [batch, 2]),
  });
  graph.output("ids", ids);
  graph.output("logits", logits);
  graph.output("probabilities", probabilities);
}
