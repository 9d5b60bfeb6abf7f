/**
 * minimind-3v's projector: LayerNorm, linear, GELU, linear.
 *
 * @module
 */
import type { Grid } from "../core/encoder.ts";
import type { Graph } from "../core/graph/graph.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import type { Projector } from "../core/projector.ts";

/** What a projector takes and gives. */
export interface MlpProjectorOptions {
  /** The features it takes. */
  readonly input: Grid;
  /** Width D of the embeddings it gives, and of its hidden layer. */
  readonly width: number;
}

/** PyTorch's default for LayerNorm. */
const eps = 1e-5;

/** Creates a two-layer projector with upstream's names, `vision_proj.mlp.{0,1,3}.{weight,bias}`. */
export function createMlpProjector({ input, width: D }: MlpProjectorOptions): Projector {
  const name = "vision_proj.mlp";
  return {
    input,
    output: { tokens: input.tokens, width: D },
    project(graph: Graph, features: Tensor): Tensor {
      const parameter = (part: string, shape: readonly number[]) => graph.parameter(`${name}.${part}`, shape);
      const linear = (x: Tensor, layer: number) => {
        const weight = graph.matrix(`${name}.${layer}.weight`, [D, x.shape.at(-1)!]);
        return graph.linear(x, weight, parameter(`${layer}.bias`, [D]));
      };
      const shape = [input.width];
      const normed = graph.layerNorm(features, parameter("0.weight", shape), parameter("0.bias", shape), eps);
      return linear(graph.gelu(linear(normed, 1), "erf"), 3); // [B,N,D]
    },
  };
}
