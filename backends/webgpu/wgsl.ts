/**
 * Functions that shaders share. Devices may compute exp and log with any error; these are the same everywhere.
 *
 * @module
 */

/** Numbers that a function takes: one, or four at once. */
export type Lanes = "f32" | "vec4f";

/** `exp_(x)`: range reduction and the polynomial of Cephes' expf; underflows to 1.6e-38, overflows to 1.7e38. */
export function expOf(lanes: Lanes): string {
  const whole = lanes === "f32" ? "i32" : "vec4i", shift = lanes === "f32" ? "23u" : "vec4u(23u)";
  return `
fn exp_(given: ${lanes}) -> ${lanes} {
  let x = clamp(given, ${lanes}(-87.0), ${lanes}(88.0));
  let n = floor(fma(x, ${lanes}(1.44269504), ${lanes}(0.5)));
  var r = fma(n, ${lanes}(-0.693359375), x);
  r = fma(n, ${lanes}(2.12194440e-4), r);
  var s = fma(${lanes}(1.9875691500e-4), r, ${lanes}(1.3981999507e-3));
  s = fma(s, r, ${lanes}(8.3334519073e-3));
  s = fma(s, r, ${lanes}(4.1665795894e-2));
  s = fma(s, r, ${lanes}(1.6666665459e-1));
  s = fma(s, r, ${lanes}(5.0000001201e-1));
  s = fma(s, r * r, r + ${lanes}(1.0));
  return s * bitcast<${lanes}>((${whole}(n) + ${whole}(127)) << ${shift});
}`;
}

/** `log_(x)` of a normal number above 0: 2·atanh((m − 1) / (m + 1)) + e·ln 2 with m in √½ … √2. */
export const log = `
fn log_(x: f32) -> f32 {
  let bits = bitcast<u32>(x);
  var e = i32(bits >> 23u) - 127;
  var m = bitcast<f32>((bits & 0x7fffffu) | 0x3f800000u);
  if (m > 1.4142135) { m *= 0.5; e++; }
  let z = (m - 1.0) / (m + 1.0);
  let z2 = z * z;
  var s = fma(z2, 1.0 / 9.0, 1.0 / 7.0);
  s = fma(s, z2, 0.2);
  s = fma(s, z2, 1.0 / 3.0);
  s = fma(s, z2, 1.0);
  return fma(f32(e), 0.6931471805599453, 2.0 * z * s);
}`;

/** `sum_(lane, value)`: the sum over all threads of a workgroup, the same for each. */
export function sumOver(threads: number): string {
  return `
var<workgroup> sums: array<f32, ${threads}>;
fn sum_(lane: u32, value: f32) -> f32 {
  sums[lane] = value;
  workgroupBarrier();
  var total = 0.0;
  for (var j = 0u; j < ${threads}u; j++) { total += sums[j]; }
  workgroupBarrier();
  return total;
}`;
}

/** `largest_(lane, value)`: the largest over all threads of a workgroup, the same for each. */
export function largestOver(threads: number): string {
  return `
var<workgroup> tops: array<f32, ${threads}>;
fn largest_(lane: u32, value: f32) -> f32 {
  tops[lane] = value;
  workgroupBarrier();
  var top = tops[0];
  for (var j = 1u; j < ${threads}u; j++) { top = max(top, tops[j]); }
  workgroupBarrier();
  return top;
}`;
}
