// Vector helpers. Constants of hot loops live in memory: V8 rebuilds a v128 constant at every use.

/** First element of the share of `count` elements that `thread` of `threads` owns, in units of `unit`. */
@inline
export function share(count: i32, unit: i32, thread: i32, threads: i32): i32 {
  const units = (count + unit - 1) / unit;
  return min(count, <i32>(<i64>units * thread / threads) * unit);
}

/** a · b + c, fused where the engine has relaxed SIMD. */
@inline
export function madd(a: v128, b: v128, c: v128): v128 {
  if (ASC_FEATURE_RELAXED_SIMD) return f32x4.relaxed_madd(a, b, c);
  return f32x4.add(f32x4.mul(a, b), c);
}

/** Sum of the four lanes. */
@inline
export function sumLanes(v: v128): f32 {
  return (f32x4.extract_lane(v, 0) + f32x4.extract_lane(v, 1)) + (f32x4.extract_lane(v, 2) + f32x4.extract_lane(v, 3));
}

/** Largest of the four lanes. */
@inline
export function maxLanes(v: v128): f32 {
  return max(
    max(f32x4.extract_lane(v, 0), f32x4.extract_lane(v, 1)),
    max(f32x4.extract_lane(v, 2), f32x4.extract_lane(v, 3)),
  );
}

// exp: range reduction and degree-6 polynomial of Cephes' expf, each constant four times. The second is 1.5·2²³ + 127:
// added to a small number it leaves that number, rounded and with a float's exponent bias, in the low bits.
const EXP = memory.data<f32>([
  1.44269504088896341, 1.44269504088896341, 1.44269504088896341, 1.44269504088896341,
  12583039, 12583039, 12583039, 12583039,
  -0.693359375, -0.693359375, -0.693359375, -0.693359375,
  2.12194440e-4, 2.12194440e-4, 2.12194440e-4, 2.12194440e-4,
  1.9875691500e-4, 1.9875691500e-4, 1.9875691500e-4, 1.9875691500e-4,
  1.3981999507e-3, 1.3981999507e-3, 1.3981999507e-3, 1.3981999507e-3,
  8.3334519073e-3, 8.3334519073e-3, 8.3334519073e-3, 8.3334519073e-3,
  4.1665795894e-2, 4.1665795894e-2, 4.1665795894e-2, 4.1665795894e-2,
  1.6666665459e-1, 1.6666665459e-1, 1.6666665459e-1, 1.6666665459e-1,
  5.0000001201e-1, 5.0000001201e-1, 5.0000001201e-1, 5.0000001201e-1,
  1, 1, 1, 1,
  88, 88, 88, 88,
  -87, -87, -87, -87,
], 16);

/** e^x of four numbers; underflows to 1.6e-38, overflows to 1.7e38. Error below 2 ulp. */
@inline
export function exp4(x: v128): v128 {
  x = f32x4.pmax(f32x4.pmin(x, v128.load(EXP, 176)), v128.load(EXP, 192));
  const biased = madd(x, v128.load(EXP, 0), v128.load(EXP, 16));
  const n = f32x4.sub(biased, v128.load(EXP, 16));
  x = madd(n, v128.load(EXP, 32), x);
  x = madd(n, v128.load(EXP, 48), x);
  let p = v128.load(EXP, 64);
  p = madd(p, x, v128.load(EXP, 80));
  p = madd(p, x, v128.load(EXP, 96));
  p = madd(p, x, v128.load(EXP, 112));
  p = madd(p, x, v128.load(EXP, 128));
  p = madd(p, x, v128.load(EXP, 144));
  p = madd(p, f32x4.mul(x, x), f32x4.add(x, v128.load(EXP, 160)));
  return f32x4.mul(p, i32x4.shl(biased, 23));
}

/** e^x of one number, the same bits as a lane of `exp4`. */
@inline
export function exp1(x: f32): f32 {
  return f32x4.extract_lane(exp4(f32x4.splat(x)), 0);
}

/** 4×4 numbers, rows `stride` bytes apart, transposed to rows 32 bytes apart. */
@inline
export function transpose4(from: usize, to: usize, stride: usize): void {
  const a = v128.load(from), b = v128.load(from + stride);
  const c = v128.load(from + 2 * stride), d = v128.load(from + 3 * stride);
  const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
  const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
  v128.store(to, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
  v128.store(to, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7), 32);
  v128.store(to, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5), 64);
  v128.store(to, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7), 96);
}
