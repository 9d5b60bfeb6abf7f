// Packed matrix product. A weight lies in panels of 8 output columns, [N/8][K][8]; 4 rows of x are packed as
// [K][4], so that a 4×8 tile of y takes one load of x and two of the weight per k: 8 accumulators, and V8 keeps
// everything in registers (4×12 spills, 6×8 is bound by loads).
//
// Every element of y is one chain of multiply-adds over k in order, whatever the path, so a row gives the same
// bits alone, in a batch, and with any number of threads.
import { madd, share } from "./simd";

/** Bytes of packed rows a thread keeps in its second-level cache. */
const PACK_BYTES: i32 = 704 * 1024;

/** Rows that are packed at once for an inner dimension of k: a multiple of 4. */
@inline
function packRows(k: i32): i32 {
  return max(4, (PACK_BYTES / (k << 2)) & ~3);
}

/**
 * y [M,N] = x [M,K] · weightᵀ + bias, or with `add` y += x · weightᵀ. Many rows are shared out by rows (each thread packs its own), few by
 * panels. `scratch` takes `gemmScratch(k)` bytes per thread.
 */
export function gemm(
  x: usize, weight: usize, bias: usize, y: usize,
  m: i32, n: i32, k: i32,
  scratch: usize, thread: i32, threads: i32, add: bool = false,
): void {
  const panels = (n + 7) >> 3;
  if (m == 1 && !add) {
    gemv(x, weight, bias, y, n, k, share(panels, 1, thread, threads), share(panels, 1, thread + 1, threads));
    return;
  }
  const byRows = m >= threads << 3;
  const row0 = byRows ? share(m, 4, thread, threads) : 0;
  const row1 = byRows ? share(m, 4, thread + 1, threads) : m;
  const panel0 = byRows ? 0 : share(panels, 1, thread, threads);
  const panel1 = byRows ? panels : share(panels, 1, thread + 1, threads);
  const block = packRows(k);
  for (let row = row0; row < row1; row += block) {
    const rows = min(block, row1 - row);
    packX(x + ((<usize>row * k) << 2), k, rows, scratch);
    for (let panel = panel0; panel < panel1; panel++) {
      gemmPanel(scratch, weight, bias, y + ((<usize>row * n) << 2), rows, n, k, panel, add);
    }
  }
}

/** One panel of 8 columns for all packed rows. */
function gemmPanel(
  packed: usize, weight: usize, bias: usize, y: usize, rows: i32, n: i32, k: i32, panel: i32, add: bool,
): void {
  const b = weight + ((<usize>panel * k) << 5);
  const column = panel << 3;
  const columns = min(8, n - column);
  const tile = packed - 128; // 4×8 numbers in front of the packed rows, for tiles that stick out
  let bias0 = f32x4.splat(0), bias1 = f32x4.splat(0);
  if (bias != 0) {
    bias0 = loadPart(bias + (<usize>column << 2), min(4, columns));
    bias1 = loadPart(bias + (<usize>column << 2) + 16, columns - 4);
  }
  const stride = <usize>n << 2;
  for (let row = 0; row < rows; row += 4) {
    const a = packed + ((<usize>row * k) << 2);
    const at = y + <usize>row * stride + (<usize>column << 2);
    if (add) {
      tile4x8(a, b, 32, k, tile, 32, bias0, bias1);
      for (let r = 0, last = min(4, rows - row); r < last; r++) {
        addPart(at + <usize>r * stride, v128.load(tile + (<usize>r << 5)), columns);
        addPart(at + <usize>r * stride + 16, v128.load(tile + (<usize>r << 5), 16), columns - 4);
      }
    } else if (columns == 8 && row + 4 <= rows) {
      tile4x8(a, b, 32, k, at, stride, bias0, bias1);
    } else {
      tile4x8(a, b, 32, k, tile, 32, bias0, bias1);
      for (let r = 0, last = min(4, rows - row); r < last; r++) {
        memory.copy(at + <usize>r * stride, tile + (<usize>r << 5), <usize>columns << 2);
      }
    }
  }
}

/** Up to four numbers, zero beyond `count`. */
export function loadPart(at: usize, count: i32): v128 {
  if (count >= 4) return v128.load(at);
  let v = f32x4.splat(0);
  if (count > 0) v = f32x4.replace_lane(v, 0, load<f32>(at));
  if (count > 1) v = f32x4.replace_lane(v, 1, load<f32>(at, 4));
  if (count > 2) v = f32x4.replace_lane(v, 2, load<f32>(at, 8));
  return v;
}

/** c [4][8] = a [k][4] · b [k][8] + bias; `step` bytes between rows of b, `stride` between rows of c. */
@inline
export function tile4x8(
  a: usize, b: usize, step: usize, k: i32, c: usize, stride: usize, bias0: v128, bias1: v128,
): void {
  let c00 = bias0, c01 = bias1, c10 = bias0, c11 = bias1, c20 = bias0, c21 = bias1, c30 = bias0, c31 = bias1;
  for (let i = 0; i < k; i++) {
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
    a += 16;
    b += step;
  }
  v128.store(c, c00);
  v128.store(c, c01, 16);
  c += stride;
  v128.store(c, c10);
  v128.store(c, c11, 16);
  c += stride;
  v128.store(c, c20);
  v128.store(c, c21, 16);
  c += stride;
  v128.store(c, c30);
  v128.store(c, c31, 16);
}

/** x [rows][k] → [rows/4][k][4]; rows past the end repeat the last one. */
export function packX(x: usize, k: i32, rows: i32, packed: usize): void {
  for (let row = 0; row < rows; row += 4) {
    packRows4(x + ((<usize>row * k) << 2), <usize>k << 2, rows - row, k, packed + ((<usize>row * k) << 2));
  }
}

/** Four rows of k numbers, `stride` bytes apart, as [k][4]; only `rows` of them exist. */
export function packRows4(x: usize, stride: usize, rows: i32, k: i32, packed: usize): void {
  let r0 = x, r1 = rows > 1 ? r0 + stride : r0, r2 = rows > 2 ? r1 + stride : r1, r3 = rows > 3 ? r2 + stride : r2;
  let i = 0;
  for (; i + 4 <= k; i += 4) {
    const a = v128.load(r0), b = v128.load(r1), c = v128.load(r2), d = v128.load(r3);
    const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(packed, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
    v128.store(packed, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7), 16);
    v128.store(packed, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5), 32);
    v128.store(packed, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7), 48);
    r0 += 16;
    r1 += 16;
    r2 += 16;
    r3 += 16;
    packed += 64;
  }
  for (; i < k; i++) {
    store<f32>(packed, load<f32>(r0));
    store<f32>(packed, load<f32>(r1), 4);
    store<f32>(packed, load<f32>(r2), 8);
    store<f32>(packed, load<f32>(r3), 12);
    r0 += 4;
    r1 += 4;
    r2 += 4;
    r3 += 4;
    packed += 16;
  }
}

/** Weights of this size come from main memory, which one stream reads faster than four. */
const STREAM_BYTES: usize = 2 * 1024 * 1024;

/** One row. Small weights four panels at a time, so that eight chains hide the latency; large ones in order. */
function gemv(x: usize, weight: usize, bias: usize, y: usize, n: i32, k: i32, panel0: i32, panel1: i32): void {
  const size = <usize>k << 5;
  let panel = panel0;
  if (<usize>n * k << 2 < STREAM_BYTES) {
    for (; panel + 4 <= panel1; panel += 4) gemv4(x, weight + <usize>panel * size, bias, y, n, k, panel << 3);
  }
  for (; panel < panel1; panel++) gemv1(x, weight + <usize>panel * size, bias, y, n, k, panel << 3);
}

function gemv4(x: usize, b0: usize, bias: usize, y: usize, n: i32, k: i32, column: i32): void {
  const size = <usize>k << 5;
  let b1 = b0 + size, b2 = b1 + size, b3 = b2 + size;
  let c0 = f32x4.splat(0), c1 = c0, c2 = c0, c3 = c0, c4 = c0, c5 = c0, c6 = c0, c7 = c0;
  if (bias != 0) {
    const at = bias + (<usize>column << 2);
    const left = n - column;
    c0 = v128.load(at);
    c1 = v128.load(at, 16);
    c2 = v128.load(at, 32);
    c3 = v128.load(at, 48);
    c4 = v128.load(at, 64);
    c5 = v128.load(at, 80);
    c6 = loadPart(at + 96, left - 24);
    c7 = loadPart(at + 112, left - 28);
  }
  const end = x + (<usize>k << 2);
  for (; x < end; x += 4) {
    const s = v128.load32_splat(x);
    c0 = madd(s, v128.load(b0), c0);
    c1 = madd(s, v128.load(b0, 16), c1);
    c2 = madd(s, v128.load(b1), c2);
    c3 = madd(s, v128.load(b1, 16), c3);
    c4 = madd(s, v128.load(b2), c4);
    c5 = madd(s, v128.load(b2, 16), c5);
    c6 = madd(s, v128.load(b3), c6);
    c7 = madd(s, v128.load(b3, 16), c7);
    b0 += 32;
    b1 += 32;
    b2 += 32;
    b3 += 32;
  }
  const at = y + (<usize>column << 2);
  v128.store(at, c0);
  v128.store(at, c1, 16);
  v128.store(at, c2, 32);
  v128.store(at, c3, 48);
  v128.store(at, c4, 64);
  v128.store(at, c5, 80);
  storePart(at + 96, c6, n - column - 24);
  storePart(at + 112, c7, n - column - 28);
}

function gemv1(x: usize, b: usize, bias: usize, y: usize, n: i32, k: i32, column: i32): void {
  let c0 = f32x4.splat(0), c1 = c0;
  if (bias != 0) {
    c0 = loadPart(bias + (<usize>column << 2), n - column);
    c1 = loadPart(bias + (<usize>column << 2) + 16, n - column - 4);
  }
  const end = x + (<usize>k << 2);
  for (; x < end; x += 4) {
    const s = v128.load32_splat(x);
    c0 = madd(s, v128.load(b), c0);
    c1 = madd(s, v128.load(b, 16), c1);
    b += 32;
  }
  storePart(y + (<usize>column << 2), c0, n - column);
  storePart(y + (<usize>column << 2) + 16, c1, n - column - 4);
}

/** Stores the first `count` lanes. */
export function storePart(at: usize, v: v128, count: i32): void {
  if (count >= 4) {
    v128.store(at, v);
    return;
  }
  if (count > 0) store<f32>(at, f32x4.extract_lane(v, 0));
  if (count > 1) store<f32>(at, f32x4.extract_lane(v, 1), 4);
  if (count > 2) store<f32>(at, f32x4.extract_lane(v, 2), 8);
}

/** Adds the first `count` lanes to memory. */
export function addPart(at: usize, v: v128, count: i32): void {
  if (count >= 4) v128.store(at, f32x4.add(v128.load(at), v));
  else if (count > 0) storePart(at, f32x4.add(loadPart(at, count), v), count);
}

/** Runs the weights of E experts over rows sorted by expert. `weights` points to E addresses. */
export function groupedGemm(
  x: usize, offsets: usize, weights: usize, y: usize,
  experts: i32, n: i32, k: i32,
  scratch: usize, thread: i32, threads: i32,
): void {
  for (let e = 0; e < experts; e++) {
    const first = load<i32>(offsets + (<usize>e << 2));
    const rows = load<i32>(offsets + (<usize>e << 2), 4) - first;
    if (rows == 0) continue;
    const from = x + ((<usize>first * k) << 2), to = y + ((<usize>first * n) << 2);
    gemm(from, <usize>load<u32>(weights + (<usize>e << 2)), 0, to, rows, n, k, scratch, thread, threads);
  }
}

/** y [count,k] = rows of a packed weight [n,k] named by ids. */
export function embedding(ids: usize, weight: usize, y: usize, count: i32, k: i32, thread: i32, threads: i32): void {
  const end = share(count, 1, thread + 1, threads);
  for (let i = share(count, 1, thread, threads); i < end; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    let from = weight + ((<usize>(id >> 3) * k) << 5) + (<usize>(id & 7) << 2);
    let to = y + ((<usize>i * k) << 2);
    for (let j = 0; j < k; j++) {
      store<f32>(to, load<f32>(from));
      from += 32;
      to += 4;
    }
  }
}
