/**
 * Backward of the kernels that treat every element on its own: accumulate (for add and scale), geluBackward,
 * swigluBackward.
 *
 * @module
 */
import type { GeluKind } from "../../../core/graph/kernels.ts";
import type { Dispatch, Lowering, Operands } from "../kernel.ts";
import { expOf, type Lanes } from "../wgsl.ts";
import { each } from "./each.ts";
import { geluFunctions } from "./elementwise.ts";
import { addColumnSums } from "./column_sums.ts";

/** y += factor · x, where x repeats y's shape. */
export function accumulate({ x, y, factor }: Operands<"accumulate">, { scratch }: Lowering): Dispatch[] {
  if (x.count > y.count) return addColumnSums({ reads: { x }, y, rows: x.count / y.count, factor, scratch });
  return [each({
    reads: { x },
    writes: { y },
    factors: { factor },
    count: y.count,
    body: ({ x, y }) => `${y}[i] += p.factor * ${x}[i];`,
  })];
}

/** dx += gelu′(x) · dy. */
export function geluBackward({ x, dy, dx, kind }: Operands<"geluBackward">): Dispatch[] {
  return [each({
    reads: { x, dy },
    writes: { dx },
    count: dx.count,
    head: (lanes) => geluFunctions(kind, lanes),
    body: ({ x, dy, dx }, lanes) => `let x = ${x}[i]; let g = gate(x); ${dx}[i] += (${slope(kind, lanes)}) * ${dy}[i];`,
  })];
}

/** dgate += up · silu′(gate) · dy, dup += silu(gate) · dy. */
export function swigluBackward({ gate, up, dy, dgate, dup }: Operands<"swigluBackward">): Dispatch[] {
  return [each({
    reads: { gate, up, dy },
    writes: { dgate, dup },
    count: dgate.count,
    head: expOf,
    body: ({ gate, up, dy, dgate, dup }, lanes) => `
let x = ${gate}[i];
let share = ${lanes}(1.0) / (${lanes}(1.0) + exp_(-x));
let slope = ${dy}[i];
${dgate}[i] += ${up}[i] * share * (${lanes}(1.0) + x * (${lanes}(1.0) - share)) * slope;
${dup}[i] += x * share * slope;`,
  })];
}

/** Slope of a flavour at `x`, whose gate is `g`. */
function slope(kind: GeluKind, lanes: Lanes): string {
  const one = `${lanes}(1.0)`;
  return {
    quick: `g * (${one} + 1.702 * x * (${one} - g))`,
    tanh: `g + 2.0 * x * g * (${one} - g) * 0.7978845608028654 * (${one} + 0.134145 * x * x)`,
    erf: `g + x * 0.3989422804014327 * exp_(-0.5 * x * x)`,
  }[kind];
}
