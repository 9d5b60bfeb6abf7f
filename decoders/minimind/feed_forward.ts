/**
 * The dense feed-forward part of a block.
 *
 * @module
 */
import type { Graph } from "../../core/graph/graph.ts";
import type { Tensor } from "../../core/graph/tensor.ts";

/** SwiGLU (Shazeer 2020) with the weights `{prefix}.{gate,up,down}_proj.weight`: x `[*,D]` → `[*,D]`. */
export function feedForward(
  graph: Graph,
  x: Tensor,
  { prefix, intermediateSize: F }: { readonly prefix: string; readonly intermediateSize: number },
): Tensor {
  const D = x.shape.at(-1)!;
  const gate = graph.linear(x, graph.matrix(`${prefix}.gate_proj.weight`, [F, D])); // [*,F]
  const up = graph.linear(x, graph.matrix(`${prefix}.up_proj.weight`, [F, D]));
  return graph.linear(graph.swiglu(gate, up), graph.matrix(`${prefix}.down_proj.weight`, [D, F]));
}
