// Packed matrix product. A weight lies in panels of 8 output columns, [N/8][K][8]; rows of x are packed in fives and
// fours for the tiles of tile.ts. The inner dimension goes in pieces, so that a piece of a panel stays in the first-level
// cache while all packed rows pass by, and y holds the sums so far.
//
// Every element of y is one chain of multiply-adds over k in order, whatever the path, so a row gives the same
// bits alone, in a batch, and with any number of threads.
import { madd, share } from "./simd";
import { packTile, rowsInFives, tile4, tile5, zeros } from "./tile";

/** Most numbers of the inner dimension that are taken at once. */
export const DEPTH: i32 = 768;

/**
 * Numbers of the inner dimension that a few tiles take in turn: while one of them uses again what another has brought from
 * memory, the processor reads ahead.
 */
const TURN: i32 = 64;

/** Bytes of packed rows a thread keeps in its second-level cache. */
export const PACK_BYTES: i32 = 704 * 1024;

/** Room for a tile in front of a thread's scratch, for tiles that stick out. */
export const TILE_BYTES: usize = 192;

/**
 * y [M,N] = x [M,K] · weightᵀ + bias, or with `add` y += x · weightᵀ. Many rows are shared out by rows (each thread
 * packs its own), few by panels. `scratch` takes PACK_BYTES per thread.
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
  const byRows = m >= threads << 4;
  const row0 = byRows ? share(m, 1, thread, threads) : 0;
  const row1 = byRows ? share(m, 1, thread + 1, threads) : m;
  const panel0 = byRows ? 0 : share(panels, 1, thread, threads);
  const panel1 = byRows ? panels : share(panels, 1, thread + 1, threads);
  const block = evenly(row1 - row0, packableRows(evenly(k, DEPTH)));
  for (let row = row0; row < row1; row += block) {
    const from = x + ((<usize>row * k) << 2), to = y + ((<usize>row * n) << 2);
    product(from, weight, bias, to, min(block, row1 - row), n, k, panel0, panel1, scratch, add);
  }
}

/** The product for rows that fit the scratch and some of the panels. */
export function product(
  x: usize, weight: usize, bias: usize, y: usize,
  rows: i32, n: i32, k: i32, panel0: i32, panel1: i32, scratch: usize, add: bool = false,
): void {
  const depth = evenly(k, DEPTH);
  const takeTurns = rows > 6 && rows <= 8; // two tiles; more have work enough in between
  for (let i = 0; i < k; i += depth) {
    const piece = min(depth, k - i), turn = takeTurns ? TURN : piece;
    packAll(x + (<usize>i << 2), <usize>k << 2, rows, piece, scratch);
    for (let panel = panel0; panel < panel1; panel++) {
      const b = weight + (<usize>(panel * k + i) << 5);
      const from = i > 0 || add ? 0 : bias == 0 ? zeros() : bias + (<usize>panel << 5);
      for (let j = 0; j < piece; j += turn) {
        const to = y + (<usize>panel << 5);
        panelPart(scratch, b, piece, j, min(turn, piece - j), j == 0 ? from : 0, to, rows, n, n - (panel << 3));
      }
    }
  }
}

/** Rows of k numbers that can be packed at once, those that fill up the last tile included. */
@inline
export function packableRows(k: i32): i32 {
  return PACK_BYTES / (k << 2) - 3;
}

/** The size of parts of `count`, as even as they can be, none larger than `most`. */
export function evenly(count: i32, most: i32): i32 {
  const parts = max(1, (count + most - 1) / most);
  return max(1, (count + parts - 1) / parts);
}

/** All rows of x [rows][k] for their tiles, `stride` bytes apart. */
export function packAll(x: usize, stride: usize, rows: i32, k: i32, to: usize): void {
  const fives = rowsInFives(rows);
  for (let row = 0; row < rows;) {
    const height = row < fives ? 5 : 4;
    packTile(x + <usize>row * stride, stride, rows - row, height, k, to + ((<usize>row * k) << 2));
    row += height;
  }
}

/** `columns` columns of y for all packed rows: from + packed · b [k][8], where no `from` is y itself. */
export function gemmPanel(packed: usize, b: usize, k: i32, from: usize, y: usize, rows: i32, n: i32, columns: i32): void {
  panelPart(packed, b, k, 0, k, from, y, rows, n, columns);
}

/** The same with `depth` numbers of the inner dimension alone, from `first` on. */
function panelPart(
  packed: usize, b: usize, k: i32, first: i32, depth: i32, from: usize, y: usize, rows: i32, n: i32, columns: i32,
): void {
  const stride = <usize>n << 2;
  const spare = packed - TILE_BYTES;
  const fives = rowsInFives(rows);
  b += <usize>first << 5;
  for (let row = 0; row < rows;) {
    const height = row < fives ? 5 : 4;
    const a = packed + (<usize>(row * k + first * height) << 2), at = y + <usize>row * stride;
    if (columns >= 8 && row + height <= rows) {
      const start = from == 0 ? at : from, step = from == 0 ? stride : 0;
      if (height == 5) tile5(a, b, 32, depth, start, step, at, stride);
      else tile4(a, b, 32, depth, start, step, at, stride);
    } else {
      // It sticks out of y, so it is made beside it.
      const count = min(height, rows - row), width = min(8, columns);
      if (from == 0) copyTile(at, stride, spare, 32, count, width);
      const start = from == 0 ? spare : from, step: usize = from == 0 ? 32 : 0;
      if (height == 5) tile5(a, b, 32, depth, start, step, spare, 32);
      else tile4(a, b, 32, depth, start, step, spare, 32);
      copyTile(spare, 32, at, stride, count, width);
    }
    row += height;
  }
}

/** Copies rows of `columns` numbers; steps are bytes from row to row. */
export function copyTile(from: usize, stepFrom: usize, to: usize, stepTo: usize, rows: i32, columns: i32): void {
  for (let row = 0; row < rows; row++) {
    memory.copy(to + <usize>row * stepTo, from + <usize>row * stepFrom, <usize>columns << 2);
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

/**
 * One row, four panels at a time: eight chains hide the latency of multiply-adds, and four streams get more out of main
 * memory than one.
 */
function gemv(x: usize, weight: usize, bias: usize, y: usize, n: i32, k: i32, panel0: i32, panel1: i32): void {
  const size = <usize>k << 5;
  let panel = panel0;
  for (; panel + 4 <= panel1; panel += 4) gemv4(x, weight + <usize>panel * size, bias, y, n, k, panel << 3);
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
