/**
 * A product that is added to something, such as a block's input: `linear`, `add`.
 *
 * @module
 */
import { elementCount } from "../../../core/graph/tensor.ts";
import { asProduct, type FusedLinear, type Step, type Surroundings } from "./fusion.ts";

/** Lets products add up what they are added to. */
export function fuseResidual(steps: readonly Step[], surroundings: Surroundings): readonly Step[] {
  const fused: Step[] = [];
  for (let i = 0; i < steps.length; i++) {
    const both = pair(steps[i]!, { next: steps[i + 1], ...surroundings });
    fused.push(both ?? steps[i]!);
    if (both !== undefined) i++;
  }
  return fused;
}

function pair(
  step: Step,
  { next, readsOf, overlap }: Surroundings & { readonly next: Step | undefined },
): FusedLinear | undefined {
  const product = asProduct(step);
  if (product === undefined || product.inputs.plus !== undefined || next?.kernel !== "add") return undefined;
  const { inputs: { a, b }, outputs: { y } } = next, own = product.outputs.y;
  if (elementCount(a.shape) !== elementCount(b.shape) || readsOf(own) !== 1) return undefined;
  const plus = a.base === own.base ? b : b.base === own.base ? a : undefined;
  if (plus === undefined || plus.base === own.base || overlap(y, product.inputs.x)) return undefined;
  return { ...product, inputs: { ...product.inputs, plus }, outputs: { y } };
}
