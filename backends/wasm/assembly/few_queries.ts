// Attention of one query or two that see the same keys: these are read as they lie, four at a time. Every score is four
// chains of multiply-adds over the width, and every output one over the keys, whatever is taken along with it, so its
// bits do not depend on that.
import { findRanges, softmax } from "./attention";
import { storePart } from "./gemm";
import { madd } from "./simd";

/**
 * `heads` queries, 1 or 2, one behind the other, against keys `stride` numbers apart. Scratch: a row of scores for each,
 * the range of keys.
 */
export function fewQueries(
  q: usize, k: usize, v: usize, mask: usize, segments: usize, y: usize,
  heads: i32, seen: i32, stride: i32, width: i32, scale: f32, scores: usize,
): void {
  const bytes = <usize>stride << 2, rowBytes = (<usize>((seen + 7) & ~7)) << 2;
  const other = scores + rowBytes, ranges = other + rowBytes;
  for (let s = 0; s < seen; s += 4) {
    const at = <usize>s << 2, first = k + <usize>s * bytes;
    if (heads == 2) fourKeys2(q, first, bytes, seen - s, width, scores + at, other + at);
    else fourKeys1(q, first, bytes, seen - s, width, scores + at);
  }
  findRanges(0, 0, 1, seen, (seen + 3) & ~3, ranges);
  const factor = <f32>1 / softmax(scores, ranges, 1, seen, mask, segments, scale);
  if (heads == 1) return weighValues(scores, v, bytes, seen, 0, width, y, factor);
  const otherFactor = <f32>1 / softmax(other, ranges, 1, seen, mask, segments, scale);
  const whole = weighValues2(scores, other, v, bytes, seen, width, y, factor, otherFactor);
  weighValues(scores, v, bytes, seen, whole, width, y, factor);
  weighValues(other, v, bytes, seen, whole, width, y + (<usize>width << 2), otherFactor);
}

/** Products of two queries with four keys, of which `left` are there; past these the last one is repeated. */
function fourKeys2(q: usize, k0: usize, bytes: usize, left: i32, width: i32, to: usize, other: usize): void {
  const k1 = left > 1 ? k0 + bytes : k0, k2 = left > 2 ? k1 + bytes : k1, k3 = left > 3 ? k2 + bytes : k2;
  const p = q + (<usize>width << 2);
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
  const whole = <usize>(width & ~3) << 2;
  for (let c: usize = 0; c < whole; c += 16) {
    const x = v128.load(q + c), z = v128.load(p + c);
    let key = v128.load(k0 + c);
    a0 = madd(x, key, a0);
    b0 = madd(z, key, b0);
    key = v128.load(k1 + c);
    a1 = madd(x, key, a1);
    b1 = madd(z, key, b1);
    key = v128.load(k2 + c);
    a2 = madd(x, key, a2);
    b2 = madd(z, key, b2);
    key = v128.load(k3 + c);
    a3 = madd(x, key, a3);
    b3 = madd(z, key, b3);
  }
  v128.store(to, addTails(sumEach(a0, a1, a2, a3), q, k0, k1, k2, k3, width));
  v128.store(other, addTails(sumEach(b0, b1, b2, b3), p, k0, k1, k2, k3, width));
}

/** The same of one query. */
function fourKeys1(q: usize, k0: usize, bytes: usize, left: i32, width: i32, to: usize): void {
  const k1 = left > 1 ? k0 + bytes : k0, k2 = left > 2 ? k1 + bytes : k1, k3 = left > 3 ? k2 + bytes : k2;
  let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0;
  const whole = <usize>(width & ~3) << 2;
  for (let c: usize = 0; c < whole; c += 16) {
    const x = v128.load(q + c);
    a0 = madd(x, v128.load(k0 + c), a0);
    a1 = madd(x, v128.load(k1 + c), a1);
    a2 = madd(x, v128.load(k2 + c), a2);
    a3 = madd(x, v128.load(k3 + c), a3);
  }
  v128.store(to, addTails(sumEach(a0, a1, a2, a3), q, k0, k1, k2, k3, width));
}

/** The sums of the lanes of four vectors. */
@inline
function sumEach(a: v128, b: v128, c: v128, d: v128): v128 {
  const ab = f32x4.add(v128.shuffle<f32>(a, b, 0, 4, 1, 5), v128.shuffle<f32>(a, b, 2, 6, 3, 7));
  const cd = f32x4.add(v128.shuffle<f32>(c, d, 0, 4, 1, 5), v128.shuffle<f32>(c, d, 2, 6, 3, 7));
  return f32x4.add(v128.shuffle<f32>(ab, cd, 0, 1, 4, 5), v128.shuffle<f32>(ab, cd, 2, 3, 6, 7));
}

/** Adds the products of what a width has beyond a multiple of 4. */
@inline
function addTails(sums: v128, q: usize, k0: usize, k1: usize, k2: usize, k3: usize, width: i32): v128 {
  for (let c = width & ~3; c < width; c++) {
    const at = <usize>c << 2;
    let keys = f32x4.splat(load<f32>(k0 + at));
    keys = f32x4.replace_lane(keys, 1, load<f32>(k1 + at));
    keys = f32x4.replace_lane(keys, 2, load<f32>(k2 + at));
    keys = f32x4.replace_lane(keys, 3, load<f32>(k3 + at));
    sums = madd(v128.load32_splat(q + at), keys, sums);
  }
  return sums;
}

/** factor · Σ p · v of two rows of p, for as many columns as there are whole sixteens; returns how many. */
function weighValues2(
  p: usize, other: usize, v: usize, bytes: usize, seen: i32, width: i32, y: usize, factor: f32, otherFactor: f32,
): i32 {
  const end = p + (<usize>seen << 2), apart = other - p;
  let c = 0;
  for (; c + 16 <= width; c += 16) {
    let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, b0 = a0, b1 = a0, b2 = a0, b3 = a0;
    let from = v + (<usize>c << 2);
    for (let at = p; at < end; at += 4, from += bytes) {
      const x = v128.load32_splat(at), z = v128.load32_splat(at + apart);
      let value = v128.load(from);
      a0 = madd(x, value, a0);
      b0 = madd(z, value, b0);
      value = v128.load(from, 16);
      a1 = madd(x, value, a1);
      b1 = madd(z, value, b1);
      value = v128.load(from, 32);
      a2 = madd(x, value, a2);
      b2 = madd(z, value, b2);
      value = v128.load(from, 48);
      a3 = madd(x, value, a3);
      b3 = madd(z, value, b3);
    }
    const to = y + (<usize>c << 2), beside = to + (<usize>width << 2);
    store4(to, f32x4.splat(factor), a0, a1, a2, a3);
    store4(beside, f32x4.splat(otherFactor), b0, b1, b2, b3);
  }
  return c;
}

/** factor · Σ p · v of one row of p, from column `c` on. */
function weighValues(
  p: usize, v: usize, bytes: usize, seen: i32, c: i32, width: i32, y: usize, factor: f32,
): void {
  const end = p + (<usize>seen << 2), factors = f32x4.splat(factor);
  for (; c + 32 <= width; c += 32) {
    let a0 = f32x4.splat(0), a1 = a0, a2 = a0, a3 = a0, a4 = a0, a5 = a0, a6 = a0, a7 = a0;
    let from = v + (<usize>c << 2);
    for (let at = p; at < end; at += 4, from += bytes) {
      const x = v128.load32_splat(at);
      a0 = madd(x, v128.load(from), a0);
      a1 = madd(x, v128.load(from, 16), a1);
      a2 = madd(x, v128.load(from, 32), a2);
      a3 = madd(x, v128.load(from, 48), a3);
      a4 = madd(x, v128.load(from, 64), a4);
      a5 = madd(x, v128.load(from, 80), a5);
      a6 = madd(x, v128.load(from, 96), a6);
      a7 = madd(x, v128.load(from, 112), a7);
    }
    const to = y + (<usize>c << 2);
    store4(to, factors, a0, a1, a2, a3);
    store4(to + 64, factors, a4, a5, a6, a7);
  }
  for (; c < width; c += 4) {
    let a = f32x4.splat(0);
    let from = v + (<usize>c << 2);
    for (let at = p; at < end; at += 4, from += bytes) a = madd(v128.load32_splat(at), v128.load(from), a);
    storePart(y + (<usize>c << 2), f32x4.mul(a, factors), width - c);
  }
}

/** Four vectors times a factor. */
@inline
function store4(to: usize, factor: v128, a: v128, b: v128, c: v128, d: v128): void {
  v128.store(to, f32x4.mul(a, factor));
  v128.store(to, f32x4.mul(b, factor), 16);
  v128.store(to, f32x4.mul(c, factor), 32);
  v128.store(to, f32x4.mul(d, factor), 48);
}
