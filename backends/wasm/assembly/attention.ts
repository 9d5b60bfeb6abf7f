// Attention by heads: each thread owns (row, head) pairs. Several queries are two small matrix products, keys and
// values packed once for the heads that share them; a few queries walk the keys as they lie, for two such heads at once.
// The T×S scores never exist as a whole.
import { fewQueries } from "./few_queries";
import { gemmPanel, packAll, TILE_BYTES } from "./gemm";
import { exp4, maxLanes, share, sumLanes } from "./simd";
import { packColumns, packFour, zeros } from "./tile";

export function attention(
  q: usize, k: usize, v: usize, start: usize, keep: usize, row: usize, segment: usize, y: usize,
  batch: i32, tokens: i32, keys: i32, heads: i32, groups: i32, width: i32,
  causal: i32, scale: f32, scratch: usize, thread: i32, threads: i32,
): void {
  const pairs = batch * heads;
  const shared = heads / groups;
  const last = share(pairs, 1, thread + 1, threads);
  let packedFor = -1;
  let count = 1; // heads that are taken at once
  for (let pair = share(pairs, 1, thread, threads); pair < last; pair += count) {
    const b = pair / heads, h = pair % heads, g = h / shared;
    const before = start == 0 ? 0 : load<i32>(start + (<usize>b << 2));
    const home = row == 0 ? b : load<i32>(row + (<usize>b << 2));
    const first = (<usize>(home * keys * groups + g) * width) << 2;
    const query = q + ((<usize>(b * tokens * heads + h) * width) << 2);
    const out = y + ((<usize>(b * tokens * heads + h) * width) << 2);
    const mask = keep == 0 ? <usize>0 : keep + ((<usize>b * keys) << 2);
    const segments = segment == 0 ? <usize>0 : segment + ((<usize>b * keys) << 2);
    if (tokens < 4) {
      count = pair + 1 < last && (h + 1) % shared != 0 ? 2 : 1;
      for (let t = 0; t < tokens; t++) {
        const seen = causal ? min(before + t + 1, keys) : keys;
        const at = (<usize>(t * heads) * width) << 2;
        fewQueries(
          query + at, k + first, v + first, mask, segments, out + at, count, seen, groups * width, width, scale, scratch,
        );
      }
      continue;
    }
    const seen = causal ? min(before + tokens, keys) : keys;
    manyQueries(
      query, k + first, v + first, mask, segments, out, tokens, seen, causal ? before : keys,
      heads * width, groups * width, width, scale, scratch, packedFor != b * groups + g,
    );
    packedFor = b * groups + g;
  }
}

/** Keys [seen][width] as panels of 8 keys [seen/8][width][8]; past the end the last one is repeated. */
export function packKeys(k: usize, stride: i32, seen: i32, width: i32, panels: usize): void {
  const bytes = <usize>stride << 2;
  for (let s = 0; s < seen; s += 8) {
    const panel = panels + ((<usize>s * width) << 2), next = min(s + 4, seen - 1);
    packFour(k + <usize>s * bytes, bytes, seen - s, width, panel, 32);
    packFour(k + <usize>next * bytes, bytes, seen - next, width, panel + 16, 32);
  }
}

/** Values [seen][width], or rows of queries, as panels of 8 columns [width/8][seen][8]; columns past the end are zero. */
export function packValues(v: usize, stride: i32, seen: i32, width: i32, panels: usize): void {
  for (let c = 0; c < width; c += 8) {
    packColumns(v + (<usize>c << 2), stride, seen, width - c, 8, panels + ((<usize>c * seen) << 2));
  }
}

/** The segment that is seen by its own queries and by all that share the high half: the low half is 0. */
const PREFIX: i32 = -0x10000;

/**
 * Finds the keys that any of `rows` queries from `first` on sees, of the first `span`: pairs of the first key and the one
 * behind the last, multiples of 8; returns how many pairs. Without segments that is one pair.
 */
export function findRanges(segments: usize, first: i32, rows: i32, keys: i32, span: i32, ranges: usize): i32 {
  if (segments == 0) {
    store<i32>(ranges, 0);
    store<i32>(ranges, span, 4);
    return 1;
  }
  let count = 0;
  let open = false;
  for (let s = 0; s < span; s += 8) {
    const low = v128.load(segments + (<usize>s << 2)), high = v128.load(segments + (<usize>s << 2), 16);
    let any = i32x4.splat(0);
    for (let r = 0; r < rows; r++) {
      const own = load<i32>(segments + (<usize>min(first + r, keys - 1) << 2));
      const mine = i32x4.splat(own), shared = i32x4.splat(own & PREFIX);
      any = v128.or(any, v128.or(sees(low, mine, shared), sees(high, mine, shared)));
    }
    const visible = v128.any_true(any);
    if (visible && !open) store<i32>(ranges + (<usize>count << 3), s);
    if (open && !visible) {
      store<i32>(ranges + (<usize>count << 3), s, 4);
      count++;
    }
    open = visible;
  }
  if (!open) return count;
  store<i32>(ranges + (<usize>count << 3), span, 4);
  return count + 1;
}

/** First key of a range. */
@inline
export function fromOf(ranges: usize, i: i32): i32 {
  return load<i32>(ranges + (<usize>i << 3));
}

/** The key behind a range. */
@inline
export function toOf(ranges: usize, i: i32): i32 {
  return load<i32>(ranges + (<usize>i << 3), 4);
}

@inline
function sees(keys: v128, own: v128, shared: v128): v128 {
  return v128.or(i32x4.eq(keys, own), i32x4.eq(keys, shared));
}

/** Queries that are taken at once. */
export const QUERIES: i32 = 20;

/**
 * Several queries at once. Scratch: their factors, packed rows [QUERIES][padded or width], scores [QUERIES][padded],
 * packed keys, packed values, ranges of keys.
 */
function manyQueries(
  q: usize, k: usize, v: usize, mask: usize, segments: usize, y: usize, tokens: i32, seen: i32, before: i32,
  queryStride: i32, keyStride: i32, width: i32, scale: f32, scratch: usize, packs: bool,
): void {
  const padded = (seen + 7) & ~7;
  const rowBytes = <usize>padded << 2, queryBytes = <usize>queryStride << 2;
  const packed = scratch + 128 + TILE_BYTES;
  const scores = packed + ((<usize>QUERIES * max(padded, width)) << 2);
  const packedKeys = scores + <usize>QUERIES * rowBytes;
  const packedValues = packedKeys + <usize>width * rowBytes;
  const ranges = packedValues + ((<usize>seen * ((width + 7) & ~7)) << 2);
  if (packs) {
    packKeys(k, keyStride, seen, width, packedKeys);
    packValues(v, keyStride, seen, width, packedValues);
  }
  for (let t = 0; t < tokens; t += QUERIES) {
    const rows = min(QUERIES, tokens - t);
    const visible = min(before + t + rows, seen);
    const count = findRanges(segments, before + t, rows, seen, (visible + 7) & ~7, ranges);
    multiplyKeys(q + <usize>t * queryBytes, queryBytes, packedKeys, scores, rows, padded, ranges, count, width, packed);
    for (let r = 0; r < rows; r++) {
      const last = min(before + t + r + 1, visible);
      const sum = softmax(scores + <usize>r * rowBytes, ranges, count, last, mask, segments, scale);
      store<f32>(scratch + (<usize>r << 2), <f32>1 / sum);
    }
    const to = y + <usize>t * queryBytes;
    for (let i = 0; i < count; i++) {
      const from = fromOf(ranges, i), depth = min(toOf(ranges, i), visible) - from;
      packAll(scores + (<usize>from << 2), rowBytes, rows, depth, packed);
      for (let c = 0; c < width; c += 8) {
        const panel = packedValues + ((<usize>c * seen + (<usize>from << 3)) << 2);
        gemmPanel(packed, panel, depth, i == 0 ? zeros() : 0, to + (<usize>c << 2), rows, queryStride, width - c);
      }
    }
    for (let r = 0; r < rows; r++) scaleRow(to + <usize>r * queryBytes, width, load<f32>(scratch + (<usize>r << 2)));
  }
}

/** Products of rows of x, `stride` bytes apart, with the packed keys in the ranges: y [rows][padded]. */
export function multiplyKeys(
  x: usize, stride: usize, panels: usize, y: usize,
  rows: i32, padded: i32, ranges: usize, count: i32, width: i32, packed: usize,
): void {
  packAll(x, stride, rows, width, packed);
  for (let i = 0; i < count; i++) {
    for (let s = fromOf(ranges, i), to = toOf(ranges, i); s < to; s += 8) {
      gemmPanel(packed, panels + ((<usize>s * width) << 2), width, zeros(), y + (<usize>s << 2), rows, padded, 8);
    }
  }
}

/** Multiplies `count` numbers. */
export function scaleRow(x: usize, count: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  const end = x + (<usize>count << 2);
  for (; x + 16 <= end; x += 16) v128.store(x, f32x4.mul(v128.load(x), factors));
  for (; x < end; x += 4) store<f32>(x, load<f32>(x) * factor);
}

/**
 * exp(scale · score − largest) over the first `visible` of a row, as far as they lie in the ranges, and zeros in the
 * rest of these; returns the sum. Keys whose mask is 0 get −1e9; those of a segment that the query, which stands at the
 * last visible key, does not see get zero.
 */
export function softmax(
  row: usize, ranges: usize, count: i32, visible: i32, mask: usize, segments: usize, scale: f32,
): f32 {
  const scales = f32x4.splat(scale);
  const own = segments == 0 ? 0 : load<i32>(segments + (<usize>(visible - 1) << 2));
  const mine = i32x4.splat(own), shared = i32x4.splat(own & PREFIX);
  let largest = f32x4.splat(-Infinity);
  for (let i = 0; i < count; i++) {
    const from = fromOf(ranges, i), to = toOf(ranges, i);
    for (let s = max(visible, from); s < to; s++) store<f32>(row + (<usize>s << 2), -Infinity);
    for (let s = from; s < to; s += 4) {
      const at = row + (<usize>s << 2);
      let x = f32x4.mul(v128.load(at), scales);
      if (mask != 0) {
        const hidden = i32x4.eq(v128.load(mask + (<usize>s << 2)), i32x4.splat(0));
        x = f32x4.add(x, v128.and(hidden, f32x4.splat(-1e9)));
      }
      if (segments != 0) {
        const seen = sees(v128.load(segments + (<usize>s << 2)), mine, shared);
        x = v128.bitselect(x, f32x4.splat(-Infinity), seen);
      }
      v128.store(at, x);
      largest = f32x4.pmax(largest, x);
    }
  }
  const top = f32x4.splat(maxLanes(largest));
  let sum = f32x4.splat(0);
  for (let i = 0; i < count; i++) {
    const from = fromOf(ranges, i), to = toOf(ranges, i);
    for (let s = from; s < to; s += 4) {
      const at = row + (<usize>s << 2);
      let p = exp4(f32x4.sub(v128.load(at), top));
      // exp4(−∞) is 1e-38, not 0
      if (segments != 0) p = v128.and(p, sees(v128.load(segments + (<usize>s << 2)), mine, shared));
      v128.store(at, p);
      sum = f32x4.add(sum, p);
    }
    for (let s = max(visible, from); s < to; s++) store<f32>(row + (<usize>s << 2), 0);
  }
  return sumLanes(sum);
}
