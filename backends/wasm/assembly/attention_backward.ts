// Gradients of attention by (row, key head) pairs: a thread owns the keys and values of a pair, and so the sums over
// the query heads that share them. The probabilities are computed again, for one head at a time.
import { findRanges, fromOf, multiplyKeys, packKeys, packValues, QUERIES, scaleRow, softmax, toOf } from "./attention";
import { gemmPanel, packAll, TILE_BYTES } from "./gemm";
import { packInputs } from "./gemm_backward";
import { madd, share, sumLanes } from "./simd";

/**
 * Scratch: packed rows [QUERIES][S', T or C], keys and values by rows [S'/8][C][8], keys by columns [C'/8][S][8], queries
 * and dy by columns [C'/8][T][8], probabilities and their gradients [T][S'] each, with C' and S' multiples of 8; for each
 * panel of 8 keys the query behind the last that sees any of them; ranges of keys. What lies in p and ds outside the
 * ranges is zero.
 */
export function attentionBackward(
  q: usize, k: usize, v: usize, keep: usize, segment: usize, dy: usize, dq: usize, dk: usize, dv: usize,
  batch: i32, tokens: i32, keys: i32, heads: i32, groups: i32, width: i32,
  causal: i32, scale: f32, scratch: usize, thread: i32, threads: i32,
): void {
  const shared = heads / groups;
  const padded = (keys + 7) & ~7, wide = (width + 7) & ~7;
  const packed = scratch + TILE_BYTES;
  const keyRows = packed + ((<usize>QUERIES * max(max(padded, tokens), width)) << 2);
  const valueRows = keyRows + ((<usize>padded * width) << 2);
  const keyColumns = valueRows + ((<usize>padded * width) << 2);
  const queryColumns = keyColumns + ((<usize>keys * wide) << 2);
  const outputColumns = queryColumns + ((<usize>tokens * wide) << 2);
  const p = outputColumns + ((<usize>tokens * wide) << 2);
  const ds = p + ((<usize>tokens * padded) << 2);
  const seen = ds + ((<usize>tokens * padded) << 2);
  const ranges = seen + (<usize>padded >> 1);
  const queryStride = heads * width, keyStride = groups * width;
  const queryBytes = <usize>queryStride << 2, lineBytes = <usize>padded << 2;
  const last = share(batch * groups, 1, thread + 1, threads);
  for (let pair = share(batch * groups, 1, thread, threads); pair < last; pair++) {
    const b = pair / groups, g = pair % groups;
    const keyAt = (<usize>(b * keys * groups + g) * width) << 2;
    const mask = keep == 0 ? <usize>0 : keep + ((<usize>b * keys) << 2);
    const segments = segment == 0 ? <usize>0 : segment + ((<usize>b * keys) << 2);
    packKeys(k + keyAt, keyStride, keys, width, keyRows);
    packKeys(v + keyAt, keyStride, keys, width, valueRows);
    packValues(k + keyAt, keyStride, keys, width, keyColumns);
    for (let h = g * shared; h < (g + 1) * shared; h++) {
      const at = (<usize>(b * tokens * heads + h) * width) << 2;
      memory.fill(seen, 0, <usize>padded >> 1);
      for (let t = 0; t < tokens; t += QUERIES) {
        const rows = min(QUERIES, tokens - t), visible = causal ? min(t + rows, keys) : keys;
        const count = findRanges(segments, t, rows, keys, (visible + 7) & ~7, ranges);
        noteQueries(seen, ranges, count, t + rows);
        const from = at + <usize>t * queryBytes, line = <usize>t * lineBytes;
        multiplyKeys(q + from, queryBytes, keyRows, p + line, rows, padded, ranges, count, width, packed);
        multiplyKeys(dy + from, queryBytes, valueRows, ds + line, rows, padded, ranges, count, width, packed);
        for (let r = 0; r < rows; r++) {
          const row = line + <usize>r * lineBytes;
          const own = causal ? min(t + r + 1, keys) : keys;
          const factor = <f32>1 / softmax(p + row, ranges, count, own, mask, segments, scale);
          scoreGradients(p + row, ds + row, ranges, count, factor, scale);
          clearGaps(p + row, ranges, count, padded);
          clearGaps(ds + row, ranges, count, padded);
        }
        queryGradients(ds + line, keyColumns, dq + from, rows, keys, padded, visible, ranges, count, queryStride, width, packed);
      }
      packValues(q + at, queryStride, tokens, width, queryColumns);
      packValues(dy + at, queryStride, tokens, width, outputColumns);
      keyGradients(ds, queryColumns, dk + keyAt, seen, tokens, keys, padded, keyStride, width, causal, packed);
      keyGradients(p, outputColumns, dv + keyAt, seen, tokens, keys, padded, keyStride, width, causal, packed);
    }
  }
}

/** Notes the query behind a block for all keys that the block sees. */
function noteQueries(seen: usize, ranges: usize, count: i32, behind: i32): void {
  for (let i = 0; i < count; i++) {
    for (let s = fromOf(ranges, i); s < toOf(ranges, i); s += 8) store<i32>(seen + (<usize>(s >> 3) << 2), behind);
  }
}

/** A row [padded]: zero wherever no range is. */
function clearGaps(row: usize, ranges: usize, count: i32, padded: i32): void {
  let end = 0;
  for (let i = 0; i <= count; i++) {
    const next = i < count ? fromOf(ranges, i) : padded;
    if (next > end) memory.fill(row + (<usize>end << 2), 0, <usize>(next - end) << 2);
    if (i < count) end = toOf(ranges, i);
  }
}

/** A row of p times its factor, and ds = p · (dp − Σ p · dp) · scale where dp = dy · vᵀ lies in its place. */
function scoreGradients(p: usize, ds: usize, ranges: usize, count: i32, factor: f32, scale: f32): void {
  let sum = f32x4.splat(0);
  for (let i = 0; i < count; i++) {
    const first = <usize>fromOf(ranges, i) << 2, end = <usize>toOf(ranges, i) << 2;
    scaleRow(p + first, <i32>((end - first) >> 2), factor);
    for (let s = first; s < end; s += 16) sum = madd(v128.load(p + s), v128.load(ds + s), sum);
  }
  const mean = f32x4.splat(sumLanes(sum)), scales = f32x4.splat(scale);
  for (let i = 0; i < count; i++) {
    for (let s = <usize>fromOf(ranges, i) << 2, end = <usize>toOf(ranges, i) << 2; s < end; s += 16) {
      const d = f32x4.mul(v128.load(p + s), f32x4.sub(v128.load(ds + s), mean));
      v128.store(ds + s, f32x4.mul(d, scales));
    }
  }
}

/** Rows of dq += ds · k. */
function queryGradients(
  ds: usize, columns: usize, dq: usize, rows: i32, keys: i32, padded: i32, visible: i32, ranges: usize, count: i32,
  queryStride: i32, width: i32, packed: usize,
): void {
  for (let i = 0; i < count; i++) {
    const from = fromOf(ranges, i), depth = min(toOf(ranges, i), visible) - from;
    packAll(ds + (<usize>from << 2), <usize>padded << 2, rows, depth, packed);
    for (let c = 0; c < width; c += 8) {
      const panel = columns + ((<usize>c * keys + (<usize>from << 3)) << 2);
      gemmPanel(packed, panel, depth, 0, dq + (<usize>c << 2), rows, queryStride, width - c);
    }
  }
}

/** dk [S][width] += aᵀ [S][T] · columns [width/8][T][8]: of keys with ds and q, of values with p and dy. */
function keyGradients(
  a: usize, columns: usize, to: usize, seen: usize, tokens: i32, keys: i32, padded: i32,
  keyStride: i32, width: i32, causal: i32, packed: usize,
): void {
  for (let s = 0; s < keys; s += QUERIES) {
    const rows = min(QUERIES, keys - s);
    const first = causal ? s : 0; // queries before s do not see these keys
    let behind = 0; // nor do queries from there on
    for (let panel = s >> 3; panel << 3 < s + rows; panel++) behind = max(behind, load<i32>(seen + (<usize>panel << 2)));
    const depth = behind - first;
    if (depth <= 0) continue;
    packInputs(a + ((<usize>first * padded + s) << 2), padded, depth, rows, packed);
    const at = to + ((<usize>s * keyStride) << 2);
    for (let c = 0; c < width; c += 8) {
      const panel = columns + ((<usize>c * tokens + (<usize>first << 3)) << 2);
      gemmPanel(packed, panel, depth, 0, at + (<usize>c << 2), rows, keyStride, width - c);
    }
  }
}
