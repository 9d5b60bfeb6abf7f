/**
 * Products of a few normed rows: `rmsNorm`, and every `linear` that reads it.
 *
 * @module
 */
import type { Call } from "../../../core/graph/kernels.ts";
import { tensorsOf } from "../../../core/graph/kernels.ts";
import { asProduct, type FusedLinear, hasFewRows, type Step, type Surroundings } from "./fusion.ts";

/** Lets products norm what they read, where nothing else reads the norm. */
export function fuseNormed(steps: readonly Step[], surroundings: Surroundings): readonly Step[] {
  let fused = steps;
  for (const step of steps) {
    if (step.kernel === "rmsNorm") fused = withoutNorm(fused, { norm: step, ...surroundings });
  }
  return fused;
}

function withoutNorm(
  steps: readonly Step[],
  { norm, readsOf, overlap }: Surroundings & { readonly norm: Call<"rmsNorm"> },
): readonly Step[] {
  const { inputs: { x, weight }, outputs: { y }, attributes: { eps } } = norm;
  const begin = steps.indexOf(norm);
  const readers = new Map<Step, FusedLinear>();
  for (const step of steps.slice(begin + 1)) {
    // What stands between must leave the rows as they are.
    if (readers.size < readsOf(y) && tensorsOf(step.outputs).some((output) => overlap(output, x))) return steps;
    if (!tensorsOf(step.inputs).some(({ base }) => base === y.base)) continue;
    const product = asProduct(step);
    if (product?.inputs.x.base !== y.base || product.inputs.plus?.base === y.base) return steps;
    if (!hasFewRows(product) || product.inputs.weight.shape.length !== 2) return steps;
    if (product.inputs.weight.shape[1] !== weight.shape[0]) return steps;
    readers.set(step, { ...product, inputs: { ...product.inputs, x, norm: weight }, attributes: { eps } });
  }
  if (readers.size === 0 || readers.size !== readsOf(y)) return steps;
  return steps.flatMap((step) => step === norm ? [] : readers.get(step) ?? step);
}
