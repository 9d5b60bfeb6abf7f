/**
 * Backward of the norms: rmsNormBackward, layerNormBackward.
 *
 * @module
 */
import type { Dispatch, Lowering, Operands, Value } from "../kernel.ts";
import { shader, THREADS } from "../shader.ts";
import { sumOver } from "../wgsl.ts";
import { addColumnSums } from "./column_sums.ts";
import { statistics } from "./norm.ts";

/** Gradients of rmsNorm. */
export function rmsNormBackward({ eps, ...values }: Operands<"rmsNormBackward">, lowering: Lowering): Dispatch[] {
  return normBackward({ ...values, dbias: undefined, eps, centred: false }, lowering);
}

/** Gradients of layerNorm. */
export function layerNormBackward({ eps, ...values }: Operands<"layerNormBackward">, lowering: Lowering): Dispatch[] {
  return normBackward({ ...values, eps, centred: true }, lowering);
}

/** What both norms have. */
type NormBackward = Operands<"layerNormBackward"> & { readonly centred: boolean };

/**
 * With n = (x − mean) · factor and g = dy · weight: dx += factor · (g − mean(g) − n · mean(g · n)), dweight += dy · n,
 * dbias += dy. RMSNorm is not centred: its means of x and g are 0. Means and factors of the rows are kept in between.
 */
function normBackward(
  { x, weight, dy, dx, dweight, dbias, eps, centred }: NormBackward,
  { scratch }: Lowering,
): Dispatch[] {
  const width = weight.count, rows = x.count / width;
  const means = scratch(rows), factors = scratch(rows);
  const dispatches = [
    rowGradients({ x, weight, dy, dx, means, factors }, { eps, centred, width, rows }),
  ];
  if (dweight !== undefined) {
    dispatches.push(...addColumnSums({
      reads: { x, dy, means, factors },
      y: dweight,
      rows,
      term: ({ x, dy, means, factors }) => `${dy}[at] * (${x}[at] - ${means}[row]) * ${factors}[row]`,
      scratch,
    }));
  }
  if (dbias !== undefined) dispatches.push(...addColumnSums({ reads: { dy }, y: dbias, rows, scratch }));
  return dispatches;
}

interface RowValues {
  readonly x: Value;
  readonly weight: Value;
  readonly dy: Value;
  readonly dx: Value | undefined;
  readonly means: Value;
  readonly factors: Value;
}

/** Means and factors of the rows, and dx where it is wanted; a workgroup takes a row. */
function rowGradients(
  { x, weight, dy, dx, means, factors }: RowValues,
  { eps, centred, width, rows }: { eps: number; centred: boolean; width: number; rows: number },
): Dispatch {
  return shader({
    reads: { x, weight, dy },
    writes: { dx, means, factors },
    sizes: { width },
    factors: { eps },
    groups: rows,
    head: () => sumOver(THREADS),
    body: ({ x, weight, dy, dx, means, factors }) => `
let row = group * p.width;
${statistics(x, centred)}
if (lane == 0u) {
  ${means}[group] = mean;
  ${factors}[group] = factor;
}
${dx && inputGradient({ x, weight, dy, dx, centred })}`,
  });
}

function inputGradient(
  { x, weight, dy, dx, centred }: { x: string; weight: string; dy: string; dx: string; centred: boolean },
): string {
  return `
var plain = 0.0;
var slanted = 0.0;
for (var c = lane; c < p.width; c += ${THREADS}u) {
  let g = ${dy}[row + c] * ${weight}[c];
  plain += g;
  slanted += g * (${x}[row + c] - mean) * factor;
}
let level = ${centred ? "sum_(lane, plain) / f32(p.width)" : "0.0"};
let slope = sum_(lane, slanted) / f32(p.width);
for (var c = lane; c < p.width; c += ${THREADS}u) {
  let g = ${dy}[row + c] * ${weight}[c];
  ${dx}[row + c] += factor * (g - level - (${x}[row + c] - mean) * factor * slope);
}`;
}
