/**
 * The optimiser: sumOfSquares, clipFactor, adamw.
 *
 * @module
 */
import type { Dispatch, Lowering, Operands, Value } from "../kernel.ts";
import { samePlace, shader, THREADS } from "../shader.ts";
import { sumOver } from "../wgsl.ts";
import { each } from "./each.ts";

/** Numbers of a part of a sum of squares, at least, and parts at most. */
const PART = 4096, MOST_PARTS = 256;

/** y [1] += Σ x². */
export function sumOfSquares(operands: Operands<"sumOfSquares">, lowering: Lowering): Dispatch[] {
  return sumsOfSquares([operands], lowering);
}

/** Several in a row: each x in parts, a workgroup each, then all parts that go to one y by one. */
export function sumsOfSquares(all: readonly Operands<"sumOfSquares">[], { scratch }: Lowering): Dispatch[] {
  const dispatches: Dispatch[] = [];
  for (let from = 0; from < all.length;) {
    const { y } = all[from]!;
    const others = all.slice(from).findIndex((call) => !samePlace(call.y, y));
    const together = all.slice(from, others < 0 ? all.length : from + others);
    const partials = scratch(together.reduce((sum, { x }) => sum + roomOf(x), 0));
    let at = 0;
    for (const { x } of together) {
      const { buffer, offset } = partials.place, count = roomOf(x);
      dispatches.push(partsOf(x, { ...partials, shape: [count], count, place: { buffer, offset: offset + 4 * at } }));
      at += count;
    }
    dispatches.push(addParts(partials, y));
    from += together.length;
  }
  return dispatches;
}

/** Parts of a sum of squares. */
function partsIn(x: Value): number {
  return Math.min(MOST_PARTS, Math.ceil(x.count / PART));
}

/** Room for them, so that those of the next sum begin where a binding may. */
function roomOf(x: Value): number {
  return Math.ceil(partsIn(x) / THREADS) * THREADS;
}

/** The sum of each part; the room behind the last one becomes 0. */
function partsOf(x: Value, partials: Value): Dispatch {
  const parts = partsIn(x), four = x.count % 4 === 0;
  const count = four ? x.count / 4 : x.count;
  return shader({
    reads: { x },
    writes: { partials },
    types: { x: four ? "vec4f" : "f32" },
    sizes: { count, perPart: Math.ceil(count / parts), room: partials.count },
    groups: parts,
    head: () => sumOver(THREADS),
    body: ({ x, partials }) => `
var share = 0.0;
for (var c = group * p.perPart + lane; c < min((group + 1u) * p.perPart, p.count); c += ${THREADS}u) {
  share += ${four ? `dot(${x}[c], ${x}[c])` : `${x}[c] * ${x}[c]`};
}
let sum = sum_(lane, share);
if (lane == 0u) { ${partials}[group] = sum; }
if (group + 1u == p.groups && group + 1u + lane < p.room) { ${partials}[group + 1u + lane] = 0.0; }`,
  });
}

function addParts(partials: Value, y: Value): Dispatch {
  return shader({
    reads: { partials },
    writes: { y },
    sizes: { count: partials.count },
    groups: 1,
    head: () => sumOver(THREADS),
    body: ({ partials, y }) => `
var share = 0.0;
for (var c = lane; c < p.count; c += ${THREADS}u) { share += ${partials}[c]; }
let sum = sum_(lane, share);
if (lane == 0u) { ${y}[0] += sum; }`,
  });
}

/**
 * clip [1] = min(1, limit / (√squares / scale + 1e-6)) / scale, NaN when squares is not finite: by its bits, for a shader may
 * take no NaN.
 */
export function clipFactor({ squares, limit, scale, clip }: Operands<"clipFactor">): Dispatch[] {
  return [shader({
    reads: { squares, limit, scale },
    writes: { clip },
    types: { squares: "u32", clip: "u32" },
    groups: 1,
    body: ({ squares, limit, scale, clip }) => `
if (lane > 0u) { return; }
let bits = ${squares}[0];
let by = ${scale ? `${scale}[0]` : "1.0"};
let factor = min(1.0, ${limit}[0] / (sqrt(bitcast<f32>(bits)) / by + 1e-6)) / by;
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
