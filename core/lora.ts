/**
 * LoRA (Hu et al. 2021): beside a linear layer a second, narrow path, `y = W·x + (alpha / rank)·B·(A·x)`.
 *
 * An adapted model is a model like any other: whatever trains, evaluates or runs one takes it too. Its graphs have two
 * more parameters for each adapted layer, `<layer>.lora.A.weight` [rank, in] and `<layer>.lora.B.weight` [out, rank],
 * the names of upstream's `model/model_lora.py`.
 *
 * @module
 */
import { ConfigError } from "./errors.ts";
import { Graph, type LinearChange } from "./graph/graph.ts";
import { tensorsOf } from "./graph/kernels.ts";
import type { Tensor } from "./graph/tensor.ts";
import type { VisionLanguageModel } from "./model.ts";

/** Which layers of a model are adapted, and how. */
export interface LoraOptions {
  /** Rows of every A, columns of every B. */
  readonly rank: number;
  /** The change is scaled by alpha / rank. */
  readonly alpha: number;
  /** Layers by name, for instance `model.layers.0.self_attn.q_proj`. */
  readonly layers: readonly string[];
}

/** Names of the two matrices beside a layer. */
export function loraNames(layer: string): { readonly a: string; readonly b: string } {
  return { a: `${layer}.lora.A.weight`, b: `${layer}.lora.B.weight` };
}

/**
 * The layers that {@link adaptModel} can adapt, by name, with their weights `[out, in]`: every linear layer of projector
 * and decoder. The head is none of them, for it is the embedding or part of the loss; nor are the experts of a mixture,
 * which one kernel computes together.
 */
export function linearLayers(model: VisionLanguageModel): Map<string, Tensor> {
  const { layers, others } = findLayers(model);
  return new Map([...layers].filter(([name]) => !others.has(name)));
}

/**
 * A model whose projector and decoder have the second path beside some layers.
 *
 * @throws {ConfigError} if rank or alpha cannot be, or naming a layer that cannot be adapted
 */
export function adaptModel(model: VisionLanguageModel, { rank, alpha, layers }: LoraOptions): VisionLanguageModel {
  if (!Number.isSafeInteger(rank) || rank < 1) throw refuse("rank", `${rank} is not a whole number above 0`);
  if (!Number.isFinite(alpha)) throw refuse("alpha", `${alpha} is not a finite number`);
  const found = findLayers(model);
  const changes = new Map<string, LinearChange>();
  for (const layer of layers) {
    const reason = found.others.get(layer);
    if (reason !== undefined) throw refuse(layer, reason);
    const weight = found.layers.get(layer);
    if (weight === undefined) throw refuse(layer, "projector and decoder have no such linear layer");
    const [out, width] = weight.shape as readonly [number, number];
    const { a, b } = loraNames(layer);
    if (found.layers.has(`${layer}.lora.A`)) throw refuse(layer, "it is adapted already");
    changes.set(weight.name, (graph, x, y) => {
      const narrow = graph.linear(x, graph.matrix(a, [rank, width])); // [*,rank]
      const scaled = alpha === rank ? narrow : graph.scale(narrow, alpha / rank);
      return graph.add(y, graph.linear(scaled, graph.matrix(b, [out, rank])));
    });
  }
  const { projector, decoder } = model;
  const adapted = (graph: Graph): Graph => {
    graph.adapt(changes);
    return graph;
  };
  // Field by field: a part may be of a class, whose methods a spread would lose.
  return {
    ...model,
    projector: {
      input: projector.input,
      output: projector.output,
      project: (graph, features) => projector.project(adapted(graph), features),
    },
    decoder: {
      name: decoder.name,
      width: decoder.width,
      vocabulary: decoder.vocabulary,
      maxPositions: decoder.maxPositions,
      tied: decoder.tied,
      ignores: decoder.ignores,
      embed: (graph, ids) => decoder.embed(graph, ids),
      forward: (graph, hidden, options) => decoder.forward(adapted(graph), hidden, options),
      logits: (graph, hidden) => decoder.logits(graph, hidden),
      head: (graph) => decoder.head(graph),
    },
  };
}

/** Layers of projector and decoder by name. */
interface FoundLayers {
  /** Weights of the linear ones. */
  readonly layers: Map<string, Tensor>;
  /** Why others, or some of them, cannot be adapted. */
  readonly others: Map<string, string>;
}

function findLayers({ projector, decoder }: VisionLanguageModel): FoundLayers {
  const graph = new Graph();
  const { tokens, width } = projector.input;
  projector.project(graph, graph.input("features", "f32", [1, tokens, width]));
  decoder.forward(graph, graph.input("hidden", "f32", [1, 1, decoder.width]));
  const layers = new Map<string, Tensor>();
  const others = new Map([[
    layerOf(decoder.head(graph).name),
    "it is the head, which is also read by embedding or loss",
  ]]);
  for (const { kernel, inputs } of graph.calls) {
    for (const tensor of tensorsOf(inputs)) {
      if (tensor.role !== "parameter" || tensor.layout !== "matrix") continue;
      const layer = layerOf(tensor.name);
      const named = tensor.name.endsWith(".weight") && tensor.shape.length === 2;
      if (kernel === "linear" && named) layers.set(layer, tensor);
      else if (kernel === "groupedLinear") others.set(layer, "the experts of a mixture are computed together");
      else others.set(layer, `it is read by "${kernel}"`);
    }
  }
  return { layers, others };
}

function layerOf(weight: string): string {
  return weight.replace(/\.weight$/, "");
}

function refuse(thing: string, problem: string): ConfigError {
  return new ConfigError(`Cannot adapt "${thing}": ${problem}`);
}
