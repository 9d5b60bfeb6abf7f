/**
 * Activation recomputation (Chen et al. 2016): what a block computed on the way forward is not kept for its backward
 * calls but computed again before them, so that only what goes from block to block stays in memory.
 *
 * @module
 */
import type { Graph } from "./graph.ts";
import { type Call, mapOperands, tensorsOf } from "./kernels.ts";
import type { Tensor } from "./tensor.ts";

/** Calls of a graph that belong together: from `start` up to but not including `end`. */
export interface Block {
  /** Index of its first call. */
  readonly start: number;
  /** Index behind its last one. */
  readonly end: number;
}

/**
 * Makes the calls of a graph from `from` on read copies of what `forward` computes, and puts the calls that compute
 * those copies before them: only the needed ones, the same kernels on the same numbers. Calls that change more than
 * temporaries are not repeated.
 */
export function recompute(graph: Graph, forward: readonly Call[], from: number): void {
  const backward = graph.calls.splice(from);
  const makers = new Map<Tensor, Call>();
  for (const call of forward) {
    const bases = tensorsOf(call.outputs).map(({ base }) => base);
    if (bases.every(({ role }) => role === "temporary")) { for (const base of bases) makers.set(base, call); }
  }
  const needed = new Set<Call>();
  const need = (call: Call) => {
    for (const { base } of tensorsOf(call.inputs)) {
      const maker = makers.get(base);
      if (maker === undefined || needed.has(maker)) continue;
      needed.add(maker);
      need(maker);
    }
  };
  backward.forEach(need);

  const copies = new Map<Tensor, Tensor>();
  const copyOf = (tensor: Tensor): Tensor => {
    const { base } = tensor;
    const maker = makers.get(base);
    if (maker === undefined || !needed.has(maker)) return tensor;
    const copy = copies.get(base) ?? graph.temporaryLike(base);
    copies.set(base, copy);
    return tensor === base ? copy : graph.reshape(copy, tensor.shape);
  };
  for (const call of [...forward.filter((call) => needed.has(call)), ...backward]) {
    graph.calls.push(mapOperands(call, copyOf));
  }
}
