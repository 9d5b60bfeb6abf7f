// Gradients of matrix products. d x = d y · weight runs on a transposed copy of the weight's panels, so that it is the
// forward product again. d weight = d yᵀ · x writes tiles of 4 inputs × 8 outputs, which is how a panel lies in memory.
import { gemm } from "./gemm";
import { madd, share, transpose4 } from "./simd";

/** Panels [N/8][K][8] of a weight [N,K] → panels [K/8][N][8]; columns past K are zero. Threads own panels of K. */
export function transpose(weight: usize, y: usize, n: i32, k: i32, thread: i32, threads: i32): void {
  const panels = (k + 7) >> 3;
  const last = share(panels, 1, thread + 1, threads);
  for (let panel = share(panels, 1, thread, threads); panel < last; panel++) {
    const columns = min(8, k - (panel << 3));
    const to = y + ((<usize>panel * n) << 5);
    if (columns < 8) memory.fill(to, 0, <usize>n << 5);
    for (let row = 0; row < n; row += 8) {
      const from = weight + ((<usize>row * k + ((<usize>panel << 3) << 3)) << 2);
      const rows = min(8, n - row);
      if (rows == 8 && columns == 8) {
        transpose4(from, to + (<usize>row << 5), 32);
        transpose4(from + 128, to + (<usize>row << 5) + 16, 32);
        transpose4(from + 16, to + (<usize>row << 5) + 128, 32);
        transpose4(from + 144, to + (<usize>row << 5) + 144, 32);
        continue;
      }
      for (let c = 0; c < columns; c++) {
        for (let r = 0; r < rows; r++) {
          store<f32>(to + (<usize>((row + r) * 8 + c) << 2), load<f32>(from + (<usize>(c * 8 + r) << 2)));
        }
      }
    }
  }
}

/** Rows offsets[0] … offsets[1] of dx [·,K] += dy [·,N] · weight, the weight transposed. */
export function gemmAddRange(
  dy: usize, weight: usize, dx: usize, offsets: usize, n: i32, k: i32, scratch: usize, thread: i32, threads: i32,
): void {
  const first = load<i32>(offsets), rows = load<i32>(offsets, 4) - first;
  if (rows == 0) return;
  const from = dy + ((<usize>first * n) << 2), to = dx + ((<usize>first * k) << 2);
  gemm(from, weight, 0, to, rows, k, n, scratch, thread, threads, true);
}

/** Bytes of packed inputs a thread keeps in its second-level cache. */
const PACK_BYTES: i32 = 384 * 1024;

/**
 * dweight [N,K] (panels) += dyᵀ [N,M] · x [M,K]. Threads own panels of outputs. Scratch: PACK_BYTES or 16·M of packed
 * inputs, then the thread's outputs packed as [panels][M][8].
 */
export function linearBackwardWeight(
  x: usize, dy: usize, dweight: usize, m: i32, n: i32, k: i32, scratch: usize, thread: i32, threads: i32,
): void {
  const panels = (n + 7) >> 3;
  const panel0 = share(panels, 1, thread, threads), panel1 = share(panels, 1, thread + 1, threads);
  if (m == 0 || panel0 == panel1) return;
  const block = max(4, (PACK_BYTES / (m << 2)) & ~3);
  const outputs = scratch + <usize>max(PACK_BYTES, m << 4);
  for (let panel = panel0; panel < panel1; panel++) {
    packColumns(dy, outputs + ((<usize>(panel - panel0) * m) << 5), m, n, panel << 3, 8);
  }
  for (let column = 0; column < k; column += block) {
    const columns = min(block, k - column);
    for (let c = 0; c < columns; c += 4) packColumns(x, scratch + ((<usize>c * m) << 2), m, k, column + c, 4);
    for (let panel = panel0; panel < panel1; panel++) {
      const b = outputs + ((<usize>(panel - panel0) * m) << 5);
      const to = dweight + ((<usize>panel * k + column) << 5);
      for (let c = 0; c < columns; c += 4) {
        addTile(scratch + ((<usize>c * m) << 2), b, m, to + (<usize>c << 5), columns - c, n - (panel << 3));
      }
    }
  }
}

/** Columns column … column + width of x [M,K] as [M][width]; columns past K are zero. width is 4 or 8. */
function packColumns(x: usize, to: usize, m: i32, k: i32, column: i32, width: i32): void {
  let from = x + (<usize>column << 2);
  const stride = <usize>k << 2, step = <usize>width << 2;
  const there = min(width, k - column);
  for (let row = 0; row < m; row++) {
    if (there == width) {
      v128.store(to, v128.load(from));
      if (width == 8) v128.store(to, v128.load(from, 16), 16);
    } else {
      for (let c = 0; c < width; c++) {
        store<f32>(to + (<usize>c << 2), c < there ? load<f32>(from + (<usize>c << 2)) : <f32>0);
      }
    }
    from += stride;
    to += step;
  }
}

/** c [4][8] += a [m][4]ᵀ · b [m][8]; only the first `rows` rows, and lanes past `lanes` stay as they are. */
function addTile(a: usize, b: usize, m: i32, c: usize, rows: i32, lanes: i32): void {
  let c00 = f32x4.splat(0), c01 = c00, c10 = c00, c11 = c00, c20 = c00, c21 = c00, c30 = c00, c31 = c00;
  for (let i = 0; i < m; i++) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), row = v128.load(a);
    let s = v128.shuffle<f32>(row, row, 0, 0, 0, 0);
    c00 = madd(s, b0, c00);
    c01 = madd(s, b1, c01);
    s = v128.shuffle<f32>(row, row, 1, 1, 1, 1);
    c10 = madd(s, b0, c10);
    c11 = madd(s, b1, c11);
    s = v128.shuffle<f32>(row, row, 2, 2, 2, 2);
    c20 = madd(s, b0, c20);
    c21 = madd(s, b1, c21);
    s = v128.shuffle<f32>(row, row, 3, 3, 3, 3);
    c30 = madd(s, b0, c30);
    c31 = madd(s, b1, c31);
    a += 16;
    b += 32;
  }
  addRow(c, c00, c01);
  if (rows > 1) addRow(c + 32, c10, c11);
  if (rows > 2) addRow(c + 64, c20, c21);
  if (rows > 3) addRow(c + 96, c30, c31);
}

@inline
function addRow(at: usize, v0: v128, v1: v128): void {
  v128.store(at, f32x4.add(v128.load(at), v0));
  v128.store(at, f32x4.add(v128.load(at, 16), v1), 16);
}

/** Each expert's dweight from its rows of x and dy. `dweights` points to E addresses. */
export function groupedLinearBackwardWeight(
  x: usize, dy: usize, offsets: usize, dweights: usize,
  experts: i32, n: i32, k: i32, scratch: usize, thread: i32, threads: i32,
): void {
  for (let e = 0; e < experts; e++) {
    const first = load<i32>(offsets + (<usize>e << 2)), rows = load<i32>(offsets + (<usize>e << 2), 4) - first;
    const dweight = <usize>load<u32>(dweights + (<usize>e << 2));
    const inputs = x + ((<usize>first * k) << 2), outputs = dy + ((<usize>first * n) << 2);
    linearBackwardWeight(inputs, outputs, dweight, rows, n, k, scratch, thread, threads);
  }
}

/** dweight (panels of [V,K]), rows ids += dy; threads own columns, for ids repeat. */
export function embeddingBackward(
  ids: usize, dy: usize, dweight: usize, count: i32, k: i32, thread: i32, threads: i32,
): void {
  const first = share(k, 1, thread, threads), last = share(k, 1, thread + 1, threads);
  for (let i = 0; i < count; i++) {
    const id = load<i32>(ids + (<usize>i << 2));
    const row = dweight + ((<usize>(id >> 3) * k) << 5) + (<usize>(id & 7) << 2);
    const from = dy + ((<usize>i * k) << 2);
    for (let j = first; j < last; j++) {
      const at = row + (<usize>j << 5);
      store<f32>(at, load<f32>(at) + load<f32>(from + (<usize>j << 2)));
    }
  }
}
