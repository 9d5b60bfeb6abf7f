/**
 * The product of a few rows with a weight, as decoding has it: eight threads share a sum, so that they read what lies
 * together, and every number of the weight is read once.
 *
 * @module
 */
import type { Dispatch, Lowering, Value } from "../kernel.ts";
import { elementOf, groupsFor, shader } from "../shader.ts";
import { expOf } from "../wgsl.ts";

/** Rows at most. */
export const FEW_ROWS = 4;

/** Threads of a sum, and sums of a workgroup. */
const SHARE = 8, SUMS = 8;

/** Sums that a thread takes part in on a processor, where each read of x is as dear as one of the weight. */
const EACH = 4;

/** A product of a few rows and what is done around it. */
export interface RowProduct {
  /** Rows `[M,K]`. */
  readonly x: Value;
  /** Weight of a norm that the rows go through first, `[K]`, and what it adds to their mean square. */
  readonly norm?: { readonly weight: Value; readonly eps: number } | undefined;
  /** `[N,K]`. */
  readonly weight: Value;
  /** A second weight `[N,K]`: the first product is the gate of this one. */
  readonly up?: Value | undefined;
  /** Added to every row. */
  readonly bias?: Value | undefined;
  /** Added to the result, `[M,N]`. */
  readonly plus?: Value | undefined;
  /** The result, `[M,N]`. */
  readonly y: Value;
  /** Rows. */
  readonly M: number;
  /** Columns of the result. */
  readonly N: number;
  /** Terms of each sum. */
  readonly K: number;
}

/**
 * y [M,N] = plus + n · weightᵀ + bias, or plus + swiglu(n · weightᵀ, n · upᵀ). n is x, or rmsNorm of it: the rows times the
 * norm's weight, whose sums are divided by the size of the row in the end, which is added up beside them.
 */
export function rowProduct(
  { x, norm, weight, up, bias, plus, y, M, N, K }: RowProduct,
  { software }: Pick<Lowering, "software">,
): Dispatch {
  const four = K % 4 === 0;
  const type = four ? "vec4f" : "f32";
  const count = (length: number) => Array.from({ length }, (_, i) => i);
  const rows = count(M), sums = count(software ? EACH : 1), weights = count(up === undefined ? 1 : 2);
  /** Text for every sum of a thread: of weight w, row m, column e. */
  const each = (text: (w: number, m: number, e: number) => string) =>
    weights.flatMap((w) => rows.flatMap((m) => sums.map((e) => text(w, m, e)))).join("\n");
  const eachRow = (text: (m: number) => string) => norm === undefined ? "" : rows.map(text).join("\n");
  /** Place in `parts` of the shares of a sum, and of the size of a row behind all sums. */
  const placeOf = (w: number, m: number, e: number) => 64 * ((w * M + m) * sums.length + e);
  const sizes = 64 * weights.length * M * sums.length;
  const total = (sum: string) => four ? `${sum}.x + ${sum}.y + (${sum}.z + ${sum}.w)` : sum;
  return shader({
    reads: { x, weight, bias, norm: norm?.weight, up, plus },
    writes: { y },
    types: { x: type, weight: elementOf(weight, four), norm: type, up: up && elementOf(up, four) },
    sizes: { N, K: four ? K / 4 : K, width: K },
    factors: { eps: norm?.eps ?? 0 },
    groups: groupsFor(N, SUMS * sums.length),
    head: () => `
${up ? expOf("f32") : ""}
var<workgroup> parts: array<f32, ${sizes + (norm ? 64 * M : 0)}>;
fn whole(at: u32) -> f32 {
  var sum = parts[at];
  for (var i = 1u; i < ${SHARE}u; i++) { sum += parts[at + i]; }
  return sum;
}`,
    body: ({ x, weight, bias, norm, up, plus, y }) => `
let share = lane % ${SHARE}u;
let n = (group * ${SUMS}u + lane / ${SHARE}u) * ${sums.length}u;
${sums.map((e) => `let at${e} = min(n + ${e}u, p.N - 1u) * p.K;`).join("\n")}
${each((w, m, e) => `var s${w}_${m}_${e} = ${type}();`)}
${eachRow((m) => `var size${m} = 0.0;`)}
for (var k = share; k < p.K; k += ${SHARE}u) {
  ${norm && `let normed = ${norm}[k];`}
  ${rows.map((m) => `let ${norm ? "given" : "x"}${m} = ${x}[${m}u * p.K + k];`).join("\n  ")}
  ${
      eachRow((m) =>
        `let x${m} = given${m} * normed; size${m} += ${four ? `dot(given${m}, given${m})` : `given${m} * given${m}`};`
      )
    }
  ${
      weights.flatMap((w) => sums.map((e) => `let w${w}_${e} = ${type}(${w === 0 ? weight : up}[at${e} + k]);`)).join(
        "\n  ",
      )
    }
  ${each((w, m, e) => `s${w}_${m}_${e} = fma(w${w}_${e}, x${m}, s${w}_${m}_${e});`)}
}
${each((w, m, e) => `parts[${placeOf(w, m, e)}u + lane] = ${total(`s${w}_${m}_${e}`)};`)}
${eachRow((m) => `parts[${sizes + 64 * m}u + lane] = size${m};`)}
workgroupBarrier();
for (var j = share; j < ${M * sums.length}u; j += ${SHARE}u) {
  let column = n + j % ${sums.length}u;
  if (column >= p.N) { continue; }
  let row = j / ${sums.length}u;
  let at = row * p.N + column;
  let own = 64u * j + lane - share;
  ${
      norm
        ? `let factor = 1.0 / sqrt(whole(${sizes}u + 64u * row + lane - share) / f32(p.width) + p.eps);`
        : "let factor = 1.0;"
    }
  let sum = whole(own) * factor${bias && ` + ${bias}[column]`};
  let result = ${up ? `sum / (1.0 + exp_(-sum)) * (whole(${placeOf(1, 0, 0)}u + own) * factor)` : "sum"};
  ${y}[at] = ${plus && `${plus}[at] + `}result;
}`,
  });
}
