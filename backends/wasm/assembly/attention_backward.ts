// Gradients of attention by (row, key head) pairs: a thread owns the keys and values of a pair, and so the sums over
// the query heads that share them. The probabilities are computed again, for one head at a time.
import { findRanges, packKeys, softmax } from "./attention";
import { addPart, packRows4, tile4x8 } from "./gemm";
import { madd, share, sumLanes } from "./simd";

/**
 * Scratch: packed keys and packed values [S/8][C][8] each, probabilities and their gradients [T'][S'] each with T' a
 * multiple of 4 and S' of 8, packed weights [S'][4], packed rows [C][4], a tile, for each panel of 8 keys the query
 * behind the last that sees any of them, ranges of keys. What lies in p and ds outside the ranges is zero.
 */
export function attentionBackward(
  q: usize, k: usize, v: usize, keep: usize, segment: usize, dy: usize, dq: usize, dk: usize, dv: usize,
  batch: i32, tokens: i32, keys: i32, heads: i32, groups: i32, width: i32,
  causal: i32, scale: f32, scratch: usize, thread: i32, threads: i32,
): void {
  const shared = heads / groups;
  const padded = (keys + 7) & ~7;
  const packedValues = scratch + ((<usize>padded * width) << 2);
  const p = packedValues + ((<usize>padded * width) << 2);
  const rows4 = (tokens + 3) & ~3;
  const ds = p + ((<usize>rows4 * padded) << 2);
  const weights = ds + ((<usize>rows4 * padded) << 2);
  const packed = weights + (<usize>padded << 4);
  const tile = packed + (<usize>width << 4);
  const seen = tile + 128;
  const ranges = seen + (<usize>padded >> 1);
  const queryStride = heads * width, keyStride = groups * width;
  const last = share(batch * groups, 1, thread + 1, threads);
  for (let pair = share(batch * groups, 1, thread, threads); pair < last; pair++) {
    const b = pair / groups, g = pair % groups;
    const keyAt = (<usize>(b * keys * groups + g) * width) << 2;
    const mask = keep == 0 ? <usize>0 : keep + ((<usize>b * keys) << 2);
    const segments = segment == 0 ? <usize>0 : segment + ((<usize>b * keys) << 2);
    packKeys(k + keyAt, keyStride, keys, width, scratch);
    packKeys(v + keyAt, keyStride, keys, width, packedValues);
    for (let h = g * shared; h < (g + 1) * shared; h++) {
      const at = (<usize>(b * tokens * heads + h) * width) << 2;
      memory.fill(seen, 0, <usize>padded >> 1);
      for (let t = 0; t < tokens; t += 4) {
        const visible = causal ? min(t + 4, keys) : keys;
        const count = findRanges(segments, t, min(4, tokens - t), keys, (visible + 7) & ~7, ranges);
        noteQueries(seen, ranges, count, min(t + 4, tokens));
        clearGaps(p + ((<usize>t * padded) << 2), ranges, count, padded);
        clearGaps(ds + ((<usize>t * padded) << 2), ranges, count, padded);
        probabilities(
          q + at, scratch, mask, segments, p, t, tokens, keys, ranges, count, queryStride, width, scale, packed, causal,
        );
        scoreGradients(
          dy + at, packedValues, p, ds, t, tokens, padded, ranges, count, queryStride, width, scale, packed,
        );
        queryGradients(
          k + keyAt, ds, dq + at, t, tokens, padded, visible, ranges, count, queryStride, keyStride, width, weights, tile,
        );
      }
      keyGradients(ds, q + at, dk + keyAt, seen, tokens, keys, padded, queryStride, keyStride, width, causal, tile);
      keyGradients(p, dy + at, dv + keyAt, seen, tokens, keys, padded, queryStride, keyStride, width, causal, tile);
    }
  }
}

@inline
function fromOf(ranges: usize, i: i32): i32 {
  return load<i32>(ranges + (<usize>i << 3));
}

@inline
function toOf(ranges: usize, i: i32): i32 {
  return load<i32>(ranges + (<usize>i << 3), 4);
}

/** Notes the query behind a block for all keys that the block sees. */
function noteQueries(seen: usize, ranges: usize, count: i32, behind: i32): void {
  for (let i = 0; i < count; i++) {
    for (let s = fromOf(ranges, i); s < toOf(ranges, i); s += 8) store<i32>(seen + (<usize>(s >> 3) << 2), behind);
  }
}

/** Four rows of [T'][padded]: zero wherever no range is. */
function clearGaps(rows: usize, ranges: usize, count: i32, padded: i32): void {
  const bytes = <usize>padded << 2;
  let end = 0;
  for (let i = 0; i <= count; i++) {
    const next = i < count ? fromOf(ranges, i) : padded;
    if (next > end) {
      for (let r = 0; r < 4; r++) memory.fill(rows + <usize>r * bytes + (<usize>end << 2), 0, <usize>(next - end) << 2);
    }
    if (i < count) end = toOf(ranges, i);
  }
}

/** Four rows of p [T'][padded], normalised; rows past the end and keys that a row does not see are zero. */
function probabilities(
  q: usize, panels: usize, mask: usize, segments: usize, p: usize, t: i32, tokens: i32, keys: i32,
  ranges: usize, count: i32, stride: i32, width: i32, scale: f32, packed: usize, causal: i32,
): void {
  const padded = (keys + 7) & ~7;
  const rows = min(4, tokens - t);
  const bytes = <usize>padded << 2;
  const zero = f32x4.splat(0);
  packRows4(q + ((<usize>t * stride) << 2), <usize>stride << 2, rows, width, packed);
  const first = p + <usize>t * bytes;
  for (let i = 0; i < count; i++) {
    for (let s = fromOf(ranges, i); s < toOf(ranges, i); s += 8) {
      tile4x8(packed, panels + ((<usize>s * width) << 2), 32, width, first + (<usize>s << 2), bytes, zero, zero);
    }
  }
  for (let r = 0; r < 4; r++) {
    const row = first + <usize>r * bytes;
    const seen = r >= rows ? 0 : causal ? min(t + r + 1, keys) : keys;
    const factor = seen == 0
      ? f32x4.splat(0)
      : f32x4.splat(<f32>1 / softmax(row, ranges, count, seen, mask, segments, scale));
    for (let i = 0; i < count; i++) {
      for (let s = fromOf(ranges, i); s < toOf(ranges, i); s += 4) {
        const at = row + (<usize>s << 2);
        v128.store(at, seen == 0 ? factor : f32x4.mul(v128.load(at), factor));
      }
    }
  }
}

/** ds = p · (dp − Σ p · dp) · scale with dp = dy · vᵀ. */
function scoreGradients(
  dy: usize, panels: usize, p: usize, ds: usize, t: i32, tokens: i32, padded: i32,
  ranges: usize, count: i32, stride: i32, width: i32, scale: f32, packed: usize,
): void {
  const bytes = <usize>padded << 2;
  const zero = f32x4.splat(0);
  packRows4(dy + ((<usize>t * stride) << 2), <usize>stride << 2, min(4, tokens - t), width, packed);
  const first = ds + <usize>t * bytes;
  for (let i = 0; i < count; i++) {
    for (let s = fromOf(ranges, i); s < toOf(ranges, i); s += 8) {
      tile4x8(packed, panels + ((<usize>s * width) << 2), 32, width, first + (<usize>s << 2), bytes, zero, zero);
    }
  }
  const scales = f32x4.splat(scale);
  for (let r = 0; r < 4; r++) {
    const row = first + <usize>r * bytes, probability = p + <usize>(t + r) * bytes;
    let sum = zero;
    for (let i = 0; i < count; i++) {
      for (let s = fromOf(ranges, i); s < toOf(ranges, i); s += 4) {
        sum = madd(v128.load(probability + (<usize>s << 2)), v128.load(row + (<usize>s << 2)), sum);
      }
    }
    const mean = f32x4.splat(sumLanes(sum));
    for (let i = 0; i < count; i++) {
      for (let s = fromOf(ranges, i); s < toOf(ranges, i); s += 4) {
        const at = <usize>s << 2;
        const d = f32x4.mul(v128.load(probability + at), f32x4.sub(v128.load(row + at), mean));
        v128.store(row + at, f32x4.mul(d, scales));
      }
    }
  }
}

/** Four rows of dq += ds · k. */
function queryGradients(
  k: usize, ds: usize, dq: usize, t: i32, tokens: i32, padded: i32, visible: i32, ranges: usize, count: i32,
  queryStride: i32, keyStride: i32, width: i32, weights: usize, tile: usize,
): void {
  const bytes = <usize>padded << 2;
  const zero = f32x4.splat(0);
  const rows = min(4, tokens - t);
  for (let i = 0; i < count; i++) {
    const from = fromOf(ranges, i), depth = min(toOf(ranges, i), visible) - from;
    packRows4(ds + <usize>t * bytes + (<usize>from << 2), bytes, 4, depth, weights);
    for (let c = 0; c < width; c += 8) {
      tile4x8(weights, k + ((<usize>from * keyStride + c) << 2), <usize>keyStride << 2, depth, tile, 32, zero, zero);
      for (let r = 0; r < rows; r++) {
        const to = dq + ((<usize>(t + r) * queryStride + c) << 2), part = tile + (<usize>r << 5);
        addPart(to, v128.load(part), width - c);
        addPart(to + 16, v128.load(part, 16), width - c - 4);
      }
    }
  }
}

/** dk [S][width] += aᵀ [S][T] · rows [T][width]: of keys with ds and q, of values with p and dy. */
function keyGradients(
  a: usize, rows: usize, to: usize, seen: usize, tokens: i32, keys: i32, padded: i32,
  rowStride: i32, keyStride: i32, width: i32, causal: i32, tile: usize,
): void {
  const bytes = <usize>padded << 2;
  for (let s = 0; s < keys; s += 4) {
    const first = causal ? min(s, tokens) : 0; // queries before s do not see it
    const count = min(4, keys - s);
    const behind = load<i32>(seen + (<usize>(s >> 3) << 2)); // queries from there on do not see it either
    for (let c = 0; c < width; c += 8) {
      const from = rows + ((<usize>first * rowStride + c) << 2);
      tileStrided(a + <usize>first * bytes + (<usize>s << 2), bytes, from, <usize>rowStride << 2, behind - first, tile);
      for (let r = 0; r < count; r++) {
        const at = to + ((<usize>(s + r) * keyStride + c) << 2), part = tile + (<usize>r << 5);
        addPart(at, v128.load(part), width - c);
        addPart(at + 16, v128.load(part, 16), width - c - 4);
      }
    }
  }
}

/** c [4][8] = a [n][4]ᵀ · b [n][8], both strided. */
function tileStrided(a: usize, stepA: usize, b: usize, stepB: usize, n: i32, c: usize): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  for (let i = 0; i < n; i++) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), rows = v128.load(a);
    let s = v128.shuffle<f32>(rows, rows, 0, 0, 0, 0);
    c00 = madd(s, b0, c00);
    c01 = madd(s, b1, c01);
    s = v128.shuffle<f32>(rows, rows, 1, 1, 1, 1);
    c10 = madd(s, b0, c10);
    c11 = madd(s, b1, c11);
    s = v128.shuffle<f32>(rows, rows, 2, 2, 2, 2);
    c20 = madd(s, b0, c20);
    c21 = madd(s, b1, c21);
    s = v128.shuffle<f32>(rows, rows, 3, 3, 3, 3);
    c30 = madd(s, b0, c30);
    c31 = madd(s, b1, c31);
    a += stepA;
    b += stepB;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  v128.store(c, c10, 32);
  v128.store(c, c11, 48);
  v128.store(c, c20, 64);
  v128.store(c, c21, 80);
  v128.store(c, c30, 96);
  v128.store(c, c31, 112);
}
