/**
 * The product of a few rows with a weight, as decoding has it: eight threads share a sum, so that they read what lies
 * together, and every number of the weight is read once.
 *
 * @module
 */
import type { Dispatch, Lowering, Value } from "../kernel.ts";
import { elementOf, groupsFor, shader } from "../shader.ts";

/** Rows at most. */
export const FEW_ROWS = 4;

/** Threads of a sum, and sums of a workgroup. */
const SHARE = 8, SUMS = 8;

/** Sums that a thread takes part in on a processor, where each read of x is as dear as one of the weight. */
const EACH = 4;

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
  { software }: Pick<Lowering, "software">,
): Dispatch {
  const four = K % 4 === 0;
  const type = four ? "vec4f" : "f32";
  const rows = Array.from({ length: M }, (_, m) => m);
  const sums = Array.from({ length: software ? EACH : 1 }, (_, e) => e);
  const each = (text: (m: number, e: number) => string) => rows.flatMap((m) => sums.map((e) => text(m, e))).join("\n");
  return shader({
    reads: { x, weight, bias },
    writes: { y },
    types: { x: type, weight: elementOf(weight, four) },
    sizes: { N, K: four ? K / 4 : K },
    groups: groupsFor(N, SUMS * sums.length),
    head: () => `var<workgroup> parts: array<f32, ${SHARE * SUMS * M * sums.length}>;`,
    body: ({ x, weight, bias, y }) => `
let share = lane % ${SHARE}u;
let n = (group * ${SUMS}u + lane / ${SHARE}u) * ${sums.length}u;
${sums.map((e) => `let at${e} = min(n + ${e}u, p.N - 1u) * p.K;`).join("\n")}
${each((m, e) => `var s${m}_${e} = ${type}();`)}
for (var k = share; k < p.K; k += ${SHARE}u) {
  ${rows.map((m) => `let x${m} = ${x}[${m}u * p.K + k];`).join("\n  ")}
  ${sums.map((e) => `let w${e} = ${type}(${weight}[at${e} + k]);`).join("\n  ")}
  ${each((m, e) => `s${m}_${e} = fma(w${e}, x${m}, s${m}_${e});`)}
}
${
      each((m, e) => {
        const sum = `s${m}_${e}`;
        const lanes = four ? `${sum}.x + ${sum}.y + (${sum}.z + ${sum}.w)` : sum;
        return `parts[${64 * (m * sums.length + e)}u + lane] = ${lanes};`;
      })
    }
workgroupBarrier();
for (var j = share; j < ${M * sums.length}u; j += ${SHARE}u) {
  let column = n + j % ${sums.length}u;
  if (column >= p.N) { continue; }
  var sum = ${bias ? `${bias}[column]` : "0.0"};
  for (var i = 0u; i < ${SHARE}u; i++) { sum += parts[64u * j + lane - share + i]; }
  ${y}[j / ${sums.length}u * p.N + column] = sum;
}`,
  });
}
