// Gradients of matrix products. d x = d y · weight runs on a transposed copy of the weight's panels, so that it is the
// forward product again. d weight = d yᵀ · x has inputs for rows of its tiles and 8 outputs for columns,
// which is how a panel lies in memory.
import { DEPTH, evenly, gemm, gemmPanel, PACK_BYTES, packableRows } from "./gemm";
import { share, transpose4 } from "./simd";
import { packColumns, rowsInFives } from "./tile";

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

/**
 * dweight [N,K] (panels) += dyᵀ [N,M] · x [M,K]. Threads own panels of outputs. Scratch: PACK_BYTES of packed inputs,
 * then the thread's outputs packed as [panels][M][8].
 */
export function linearBackwardWeight(
  x: usize, dy: usize, dweight: usize, m: i32, n: i32, k: i32, scratch: usize, thread: i32, threads: i32,
): void {
  const panels = (n + 7) >> 3;
  const panel0 = share(panels, 1, thread, threads), panel1 = share(panels, 1, thread + 1, threads);
  if (m == 0 || panel0 == panel1) return;
  const outputs = scratch + PACK_BYTES;
  for (let panel = panel0; panel < panel1; panel++) {
    const column = panel << 3;
    packColumns(dy + (<usize>column << 2), n, m, n - column, 8, outputs + ((<usize>(panel - panel0) * m) << 5));
  }
  const depth = evenly(m, DEPTH), block = evenly(k, packableRows(depth));
  for (let column = 0; column < k; column += block) {
    const columns = min(block, k - column);
    for (let i = 0; i < m; i += depth) {
      const piece = min(depth, m - i);
      packInputs(x + ((<usize>i * k + column) << 2), k, piece, columns, scratch);
      for (let panel = panel0; panel < panel1; panel++) {
        const b = outputs + ((<usize>(panel - panel0) * m + i) << 5);
        gemmPanel(scratch, b, piece, 0, dweight + ((<usize>panel * k + column) << 5), columns, 8, 8);
      }
    }
  }
}

/** Columns of x [m][`stride`] for the tiles whose rows they are. */
export function packInputs(x: usize, stride: i32, m: i32, columns: i32, to: usize): void {
  const fives = rowsInFives(columns);
  for (let column = 0; column < columns;) {
    const height = column < fives ? 5 : 4;
    packColumns(x + (<usize>column << 2), stride, m, columns - column, height, to + ((<usize>column * m) << 2));
    column += height;
  }
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
