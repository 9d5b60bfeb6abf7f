/**
 * Both halves of a gated feed-forward part for a few rows: `linear`, `linear`, `swiglu`.
 *
 * @module
 */
import { sameShape } from "../../../core/graph/tensor.ts";
import { asProduct, type FusedLinear, hasFewRows, type Step, type Surroundings } from "./fusion.ts";

/** Lets gate and up be one product of two weights. */
export function fuseGated(steps: readonly Step[], surroundings: Surroundings): readonly Step[] {
  const fused: Step[] = [];
  for (let i = 0; i < steps.length; i++) {
    const all = triple(steps.slice(i, i + 3), surroundings);
    fused.push(all ?? steps[i]!);
    if (all !== undefined) i += 2;
  }
  return fused;
}

function triple([first, second, last]: readonly Step[], { readsOf, overlap }: Surroundings): FusedLinear | undefined {
  const gate = asProduct(first), up = asProduct(second);
  if (gate === undefined || up === undefined || last?.kernel !== "swiglu") return undefined;
  const { inputs, outputs: { y } } = last;
  const fits = inputs.gate.base === gate.outputs.y.base && inputs.up.base === up.outputs.y.base &&
    gate.inputs.x.base === up.inputs.x.base && sameShape(gate.inputs.weight.shape, up.inputs.weight.shape);
  const plain = [gate, up].every(({ inputs: { bias, plus }, outputs }) => {
    return bias === undefined && plus === undefined && readsOf(outputs.y) === 1;
  });
  if (!fits || !plain || !hasFewRows(gate) || overlap(y, gate.inputs.x)) return undefined;
  return { ...gate, inputs: { ...gate.inputs, up: up.inputs.weight }, outputs: { y } };
}
