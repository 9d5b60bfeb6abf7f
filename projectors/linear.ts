/**
 * MiniMind2-V's projector: one linear layer.
 *
 * @module
 */
import type { Grid } from "../core/encoder.ts";
import type { Graph } from "../core/graph/graph.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import type { Projector } from "../core/projector.ts";

/** What a projector takes and gives. */
export interface LinearProjectorOptions {
  /** The features it takes. */
  readonly input: Grid;
  /** Width D of the embeddings it gives. */
  readonly width: number;
}

/** Creates a linear projector with upstream's names, `vision_proj.vision_proj.0.{weight,bias}`. */
export function createLinearProjector({ input, width: D }: LinearProjectorOptions): Projector {
  const name = "vision_proj.vision_proj.0";
  return {
    input,
    output: { tokens: input.tokens, width: D },
    project(graph: Graph, features: Tensor): Tensor {
      const weight = graph.matrix(`${name}.weight`, [D, input.width]);
      return graph.linear(features, weight, graph.parameter(`${name}.bias`, [D])); // [B,N,D]
    },
  };
}
