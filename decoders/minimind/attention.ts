/**
 * Self-attention of a block: grouped queries, rotary positions, KV cache.
 *
 * @module
 */
import type { ForwardOptions } from "../../core/decoder.ts";
import type { Graph } from "../../core/graph/graph.ts";
import type { Tensor } from "../../core/graph/tensor.ts";
import type { MiniMindOptions } from "./options.ts";

/** What all blocks of one forward pass share, and which block it is. */
export interface BlockContext {
  /** Architecture. */
  readonly options: MiniMindOptions;
  /** Number of the block, from 0. */
  readonly layer: number;
  /** Rotary tables `[positions, C/2]`. */
  readonly rope: { readonly cos: Tensor; readonly sin: Tensor };
  /** Cache, padding and losses asked for. */
  readonly forward: ForwardOptions;
}

/** Causal attention over the new tokens and, with a cache, all earlier ones: x `[B,T,D]` → `[B,T,D]`. */
export function selfAttention(graph: Graph, x: Tensor, context: BlockContext): Tensor {
  const { options, layer, rope: { cos, sin }, forward: { cache, keep, packing } } = context;
  const { numAttentionHeads: H, numKeyValueHeads: G, headDim: C, hiddenSize: D, generation, rmsNormEps } = options;
  const [B, T] = x.shape as [number, number];
  const prefix = `model.layers.${layer}.self_attn`;
  const project = (name: string, heads: number) => {
    const y = graph.linear(x, graph.matrix(`${prefix}.${name}_proj.weight`, [heads * C, D]));
    return graph.reshape(y, [B, T, heads, C]);
  };
  const rotate = (name: string, y: Tensor) => {
    const weight = () => graph.parameter(`${prefix}.${name}_norm.weight`, [C]);
    return graph.rope(generation === 3 ? graph.rmsNorm(y, weight(), rmsNormEps) : y, cos, sin, {
      start: cache?.start,
      position: packing?.position,
    });
  };
  const q = rotate("q", project("q", H)); // [B,T,H,C]
  let k = rotate("k", project("k", G)); // [B,T,G,C]
  let v = project("v", G);
  if (cache !== undefined) {
    const shape = [cache.rows ?? B, cache.capacity, G, C];
    const keys = graph.state(`cache.${layer}.keys`, "f32", shape);
    const values = graph.state(`cache.${layer}.values`, "f32", shape);
    graph.cacheWrite(keys, k, cache);
    graph.cacheWrite(values, v, cache);
    [k, v] = [keys, values]; // [R,S,G,C]
  }
  const y = graph.attention(q, k, v, {
    causal: true,
    start: cache?.start,
    row: cache?.row,
    keep,
    segment: packing?.segment,
  }); // [B,T,H,C]
  return graph.linear(graph.reshape(y, [B, T, H * C]), graph.matrix(`${prefix}.o_proj.weight`, [D, H * C]));
}
