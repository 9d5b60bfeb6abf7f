/**
 * One block of the decoder: attention, then a dense or mixed feed-forward part, each on a normed copy.
 *
 * @module
 */
import type { Graph } from "../../core/graph/graph.ts";
import type { Tensor } from "../../core/graph/tensor.ts";
import { type BlockContext, selfAttention } from "./attention.ts";
import { feedForward } from "./feed_forward.ts";
import { mixtureOfExperts, type MoeOutput } from "./moe.ts";

/** Appends block `context.layer`: x `[B,T,D]` → y `[B,T,D]`, with the router's loss when asked for. */
export function block(graph: Graph, x: Tensor, context: BlockContext): MoeOutput {
  const { options, layer, forward } = context;
  const { generation, intermediateSize, moe, rmsNormEps } = options;
  const norm = (input: Tensor, name: string) => {
    const weight = graph.parameter(`model.layers.${layer}.${name}.weight`, [options.hiddenSize]);
    return graph.rmsNorm(input, weight, rmsNormEps);
  };
  const prefix = `model.layers.${layer}.mlp`;
  const hidden = graph.add(x, selfAttention(graph, norm(x, "input_layernorm"), context)); // [B,T,D]
  const normed = norm(hidden, "post_attention_layernorm");
  const { y, auxLoss } = moe === undefined
    ? { y: feedForward(graph, normed, { prefix, intermediateSize }), auxLoss: undefined }
    : mixtureOfExperts(graph, normed, { prefix, moe, generation, auxLoss: forward.auxLoss ?? false });
  return { y: graph.add(hidden, y), auxLoss };
}
