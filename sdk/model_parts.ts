/**
 * Which parameters belong to which part of a model.
 *
 * @module
 */
import { isGraphEncoder } from "../core/encoder.ts";
import { Graph } from "../core/graph/graph.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import type { VisionLanguageModel } from "../core/model.ts";
import type { ModelPart } from "../data/load_summary.ts";

/** The parameters of each part, in the order data flows; an encoder of another runtime shows none. */
export function parametersByPart({ encoder, projector, decoder }: VisionLanguageModel): Map<ModelPart, Tensor[]> {
  const parts = new Map<ModelPart, Tensor[]>();
  const add = (part: ModelPart, build: (graph: Graph) => void) => {
    const graph = new Graph();
    build(graph);
    parts.set(part, [...graph.named.values()].filter(({ role }) => role === "parameter"));
  };
  if (encoder !== undefined) {
    add("encoder", (graph) => {
      if (!isGraphEncoder(encoder)) return;
      const { size } = encoder.pixels;
      encoder.encode(graph, graph.input("pixels", "f32", [1, 3, size, size]));
    });
  }
  const { tokens, width } = projector.input;
  add("projector", (graph) => projector.project(graph, graph.input("features", "f32", [1, tokens, width])));
  add("decoder", (graph) => {
    const hidden = decoder.embed(graph, graph.input("ids", "i32", [1, 1]));
    decoder.logits(graph, decoder.forward(graph, hidden).hidden);
  });
  return parts;
}

/** The part that a parameter belongs to. */
export function partFinder(model: VisionLanguageModel): (name: string) => ModelPart {
  const parts = [...parametersByPart(model)].flatMap(([part, tensors]) => tensors.map(({ name }) => [name, part]));
  const byName = new Map(parts as [string, ModelPart][]);
  return (name) => byName.get(name) ?? "decoder";
}
