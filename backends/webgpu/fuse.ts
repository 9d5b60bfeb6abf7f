/**
 * A plan's calls as this backend runs them: products take in what stands around them.
 *
 * @module
 */
import { tensorsOf } from "../../core/graph/kernels.ts";
import type { Plan } from "../../core/graph/plan.ts";
import type { Tensor } from "../../core/graph/tensor.ts";
import type { Fusion, Step, Surroundings } from "./fusions/fusion.ts";
import { fuseGated } from "./fusions/gated.ts";
import { fuseNormed } from "./fusions/normed.ts";
import { fuseResidual } from "./fusions/residual.ts";

/** In this order: a norm is looked for once both halves of a gate are one product. */
const fusions: readonly Fusion[] = [fuseResidual, fuseGated, fuseNormed];

/** The steps of a plan, fused; `overlap` tells whether two tensors have a byte in common. */
export function fuseCalls(
  { calls, outputs }: Pick<Plan, "calls" | "outputs">,
  { overlap }: Pick<Surroundings, "overlap">,
): readonly Step[] {
  const seen = new Set([...outputs.values()].map(({ base }) => base));
  return fusions.reduce<readonly Step[]>((steps, fuse) => {
    const reads = countReads(steps);
    const readsOf = ({ base }: Tensor) => {
      return base.role !== "temporary" || seen.has(base) ? Infinity : reads.get(base) ?? 0;
    };
    return fuse(steps, { readsOf, overlap });
  }, calls);
}

/** How many steps read each memory. */
function countReads(steps: readonly Step[]): ReadonlyMap<Tensor, number> {
  const reads = new Map<Tensor, number>();
  for (const { inputs } of steps) {
    const bases = new Set(tensorsOf(inputs).map((tensor) => tensor.base));
    for (const base of bases) reads.set(base, (reads.get(base) ?? 0) + 1);
  }
  return reads;
}
