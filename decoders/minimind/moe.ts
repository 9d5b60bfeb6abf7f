/**
 * Mixture of experts: a router sends every token to its k best SwiGLU experts.
 *
 * @module
 */
import type { Graph } from "../../core/graph/graph.ts";
import type { Tensor } from "../../core/graph/tensor.ts";
import { feedForward } from "./feed_forward.ts";
import type { MiniMindOptions, MoeOptions } from "./options.ts";

/** Result of {@link mixtureOfExperts}. */
export interface MoeOutput {
  /** `[B,T,D]`. */
  readonly y: Tensor;
  /** Load-balancing loss of this router, `[1]`; absent when not asked for. */
  readonly auxLoss?: Tensor | undefined;
}

/** Options of {@link mixtureOfExperts}. */
export interface MixtureOptions {
  /** Front of the weights' names: `{prefix}.gate`, `.experts.E`, `.shared_experts.E`. */
  readonly prefix: string;
  /** Experts and their numbers. */
  readonly moe: MoeOptions;
  /** The generations weigh experts and losses differently. */
  readonly generation: MiniMindOptions["generation"];
  /** Whether to compute the load-balancing loss. */
  readonly auxLoss: boolean;
}

/** Weighted sum of each token's k experts, plus the shared ones: x `[B,T,D]` → `[B,T,D]`. */
export function mixtureOfExperts(graph: Graph, x: Tensor, options: MixtureOptions): MoeOutput {
  const { prefix, moe, generation } = options;
  const { numExperts: E, numExpertsPerTok: k, intermediateSize: F } = moe;
  const [B, T, D] = x.shape as [number, number, number];
  const rows = graph.reshape(x, [B * T, D]); // [M,D]
  const logits = graph.linear(rows, graph.matrix(`${prefix}.gate.weight`, [E, D])); // [M,E]
  const normalise = moe.normTopkProb && (k > 1 || generation === 3); // a lone weight becomes 1 in generation 3
  const { scores, weight, expert } = graph.route(logits, { k, normalise });

  const { order, offsets } = graph.dispatch(expert, E);
  const sorted = graph.gatherRows(rows, order); // [R,D]
  const experts = (input: Tensor, name: string, shape: readonly number[]) => {
    const weights = Array.from({ length: E }, (_, e) => graph.matrix(`${prefix}.experts.${e}.${name}.weight`, shape));
    return graph.groupedLinear(input, offsets, weights);
  };
  const hidden = graph.swiglu(experts(sorted, "gate_proj", [F, D]), experts(sorted, "up_proj", [F, D])); // [R,F]
  let y = graph.combine(experts(hidden, "down_proj", [D, F]), order, weight); // [M,D]
  for (let e = 0; e < moe.numSharedExperts; e++) {
    y = graph.add(y, feedForward(graph, rows, { prefix: `${prefix}.shared_experts.${e}`, intermediateSize: F }));
  }
  return {
    y: graph.reshape(y, [B, T, D]),
    auxLoss: options.auxLoss
      ? balanceLoss(graph, options, {
        scores: graph.reshape(scores, [B, T, E]),
        expert: graph.reshape(expert, [B, T, k]),
      })
      : undefined,
  };
}

/** Padding counts too. Generation 2 averages over the k choices, generation 3 adds them up, as upstream does. */
function balanceLoss(
  graph: Graph,
  { moe, generation }: MixtureOptions,
  { scores, expert }: { readonly scores: Tensor; readonly expert: Tensor },
): Tensor {
  const choices = generation === 2 ? moe.numExpertsPerTok : 1;
  const factor = moe.auxLossCoefficient * moe.numExperts / choices;
  return graph.balanceLoss(scores, expert, { factor, perRow: moe.auxLossPerSequence });
}
