/**
 * Kernels that normalise the last dimension: rmsNorm, layerNorm. A workgroup takes a row.
 *
 * @module
 */
import type { Dispatch, Operands, Value } from "../kernel.ts";
import { shader, THREADS } from "../shader.ts";
import { sumOver } from "../wgsl.ts";

/** y = x / √(mean(x²) + eps) · weight (Zhang and Sennrich 2019). */
export function rmsNorm({ x, weight, y, eps }: Operands<"rmsNorm">): Dispatch[] {
  return norm({ x, weight, bias: undefined, y, eps });
}

/** y = (x − mean) / √(variance + eps) · weight + bias (Ba et al. 2016); the variance divides by D. */
export function layerNorm(operands: Operands<"layerNorm">): Dispatch[] {
  return norm(operands);
}

/** What both norms have; the one without a bias is not centred. */
interface Norm {
  readonly x: Value;
  readonly weight: Value;
  readonly bias: Value | undefined;
  readonly y: Value;
  readonly eps: number;
}

function norm({ x, weight, bias, y, eps }: Norm): Dispatch[] {
  const width = weight.count;
  return [shader({
    reads: { x, weight, bias },
    writes: { y },
    sizes: { width },
    factors: { eps },
    groups: x.count / width,
    head: () => sumOver(THREADS),
    body: ({ x, weight, bias, y }) => `
let row = group * p.width;
${statistics(x, bias !== "")}
for (var c = lane; c < p.width; c += ${THREADS}u) {
  ${y}[row + c] = (${x}[row + c] - mean) * factor * ${weight}[c]${bias && ` + ${bias}[c]`};
}`,
  })];
}

/** `mean` (0 unless centred) and `factor` of the row of `p.width` numbers of x that begins at `row`. */
export function statistics(x: string, centred: boolean): string {
  const loop = (name: string, term: string) => `
var ${name} = 0.0;
for (var c = lane; c < p.width; c += ${THREADS}u) { ${name} += ${term}; }`;
  const mean = centred
    ? `${loop("total", `${x}[row + c]`)}\nlet mean = sum_(lane, total) / f32(p.width);`
    : "let mean = 0.0;";
  return `${mean}
${loop("squares", `(${x}[row + c] - mean) * (${x}[row + c] - mean)`)}
let factor = 1.0 / sqrt(sum_(lane, squares) / f32(p.width) + p.eps);`;
}
