/**
 * The optimiser: sumOfSquares, clipFactor, adamw.
 *
 * @module
 */
import type { Dispatch, Lowering, Operands } from "../kernel.ts";
import { shader, THREADS } from "../shader.ts";
import { sumOver } from "../wgsl.ts";
import { each } from "./each.ts";

/** Numbers of a part of a sum of squares, at least, and parts at most. */
const PART = 4096, MOST_PARTS = 256;

/** y [1] += Σ x²: in parts, a workgroup each, then those by one. */
export function sumOfSquares({ x, y }: Operands<"sumOfSquares">, { scratch }: Lowering): Dispatch[] {
  const parts = Math.min(MOST_PARTS, Math.ceil(x.count / PART));
  const partials = scratch(parts);
  return [
    shader({
      reads: { x },
      writes: { partials },
      sizes: { count: x.count, perPart: Math.ceil(x.count / parts) },
      groups: parts,
      head: () => sumOver(THREADS),
      body: ({ x, partials }) => `
var share = 0.0;
for (var c = group * p.perPart + lane; c < min((group + 1u) * p.perPart, p.count); c += ${THREADS}u) {
  share += ${x}[c] * ${x}[c];
}
let sum = sum_(lane, share);
if (lane == 0u) { ${partials}[group] = sum; }`,
    }),
    shader({
      reads: { partials },
      writes: { y },
      sizes: { parts },
      groups: 1,
      head: () => sumOver(THREADS),
      body: ({ partials, y }) => `
var share = 0.0;
for (var part = lane; part < p.parts; part += ${THREADS}u) { share += ${partials}[part]; }
let sum = sum_(lane, share);
if (lane == 0u) { ${y}[0] += sum; }`,
    }),
  ];
}

/** clip [1] = min(1, limit / (√squares + 1e-6)), NaN when squares is not finite: by its bits, for a shader may take no NaN. */
export function clipFactor({ squares, limit, clip }: Operands<"clipFactor">): Dispatch[] {
  return [shader({
    reads: { squares, limit },
    writes: { clip },
    types: { squares: "u32", clip: "u32" },
    groups: 1,
    body: ({ squares, limit, clip }) => `
if (lane > 0u) { return; }
let bits = ${squares}[0];
let factor = min(1.0, ${limit}[0] / (sqrt(bitcast<f32>(bits)) + 1e-6));
${clip}[0] = select(bitcast<u32>(factor), 0x7fc00000u, (bits & 0x7f800000u) == 0x7f800000u);`,
  })];
}

/** AdamW (Loshchilov and Hutter 2019) in the order of PyTorch's single-tensor implementation. */
export function adamw(
  { gradient, clip, settings, parameter, mean, variance }: Operands<"adamw">,
): Dispatch[] {
  // `clip` is bound as floats and seen as bits.
  return [each({
    reads: { gradient, clip: { ...clip, dtype: "i32" }, settings: { ...settings, dtype: "i32" } },
    writes: { parameter, mean, variance },
    count: parameter.count,
    head: () => missingPower,
    body: ({ gradient, clip, settings, parameter, mean, variance }, lanes) => `
let factor = bitcast<f32>(${clip}[0]);
if ((${clip}[0] & 0x7f800000) == 0x7f800000) { return; }
let rate = bitcast<f32>(${settings}[0]);
let rest1 = 1.0 - bitcast<f32>(${settings}[1]);
let rest2 = 1.0 - bitcast<f32>(${settings}[2]);
let eps = bitcast<f32>(${settings}[3]);
let decay = bitcast<f32>(${settings}[4]);
let step = u32(bitcast<f32>(${settings}[5]));
let g = ${gradient}[i] * factor;
let m = (1.0 - rest1) * ${mean}[i] + rest1 * g;
let v = (1.0 - rest2) * ${variance}[i] + rest2 * g * g;
let size = sqrt(v) / sqrt(missing_power(rest2, step)) + ${lanes}(eps);
${parameter}[i] = ${parameter}[i] * (1.0 - rate * decay) - rate / missing_power(rest1, step) * m / size;
${mean}[i] = m;
${variance}[i] = v;`,
  })];
}

/**
 * `missing_power(rest, n)`: 1 − (1 − rest)ⁿ, by squaring what is missing to 1, which loses no digits where the power is
 * near 1.
 */
const missingPower = `
fn missing_power(rest: f32, exponent: u32) -> f32 {
  var result = 0.0;
  var base = rest;
  for (var n = exponent; n > 0u; n >>= 1u) {
    if ((n & 1u) == 1u) { result += base - result * base; }
    base *= 2.0 - base;
  }
  return result;
}`;
