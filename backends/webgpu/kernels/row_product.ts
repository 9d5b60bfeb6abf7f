/**
 * The product of a few rows with a weight, as decoding has it: eight threads share a sum, so that they read what lies
 * together, and every number of the weight is read once.
 *
 * @module
 */
import type { Dispatch, Value } from "../kernel.ts";
import { groupsFor, shader } from "../shader.ts";

/** Rows at most. */
export const FEW_ROWS = 4;

/** Threads of a sum, and sums of a workgroup. */
const SHARE = 8, SUMS = 8;

/** y [M,N] = x [M,K] · weight [N,K]ᵀ + bias. */
export function rowProduct(
  { x, weight, bias, y, M, N, K }: {
    readonly x: Value;
    readonly weight: Value;
    readonly bias: Value | undefined;
    readonly y: Value;
    readonly M: number;
    readonly N: number;
    readonly K: number;
  },
): Dispatch {
  const four = K % 4 === 0;
  const type = four ? "vec4f" : "f32";
  const rows = Array.from({ length: M }, (_, m) => m);
  return shader({
    reads: { x, weight, bias },
    writes: { y },
    types: { x: type, weight: type },
    sizes: { N, K: four ? K / 4 : K },
    groups: groupsFor(N, SUMS),
    head: () => `var<workgroup> parts: array<f32, ${SHARE * SUMS * M}>;`,
    body: ({ x, weight, bias, y }) => `
let share = lane % ${SHARE}u;
let n = group * ${SUMS}u + lane / ${SHARE}u;
let at = min(n, p.N - 1u) * p.K;
${rows.map((m) => `var s${m} = ${type}();`).join("\n")}
for (var k = share; k < p.K; k += ${SHARE}u) {
  let w = ${weight}[at + k];
  ${rows.map((m) => `s${m} = fma(w, ${x}[${m}u * p.K + k], s${m});`).join("\n  ")}
}
${
      rows.map((m) => `parts[${64 * m}u + lane] = ${four ? `s${m}.x + s${m}.y + (s${m}.z + s${m}.w)` : `s${m}`};`).join(
        "\n",
      )
    }
workgroupBarrier();
for (var m = share; m < ${M}u; m += ${SHARE}u) {
  if (n >= p.N) { continue; }
  var sum = ${bias ? `${bias}[n]` : "0.0"};
  for (var j = 0u; j < ${SHARE}u; j++) { sum += parts[${64}u * m + lane - share + j]; }
  ${y}[m * p.N + n] = sum;
}`,
  });
}
