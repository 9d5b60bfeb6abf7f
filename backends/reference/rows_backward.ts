/**
 * Backward of the kernels that move rows: sliceBackward, prependBackward, spliceBackward, gatherRowsBackward.
 *
 * @module
 */
import type { HostData } from "../../core/backend.ts";
import { accumulate, extent, type Operands } from "./operands.ts";

/** dx [B,N,D], rows start … start + n += dy [B,n,D]. */
export function sliceBackward({ dy, dx, start }: Operands<"sliceBackward">): void {
  const [B, n, width] = [extent(dy, 0), extent(dy, 1), extent(dy, 2)];
  const N = extent(dx, 1);
  accumulate(dx, (sums) => {
    for (let b = 0; b < B; b++) {
      for (let i = 0; i < n; i++) addRow(dy.data, sums, { from: b * n + i, to: b * N + start + i, width });
    }
  });
}

/** dx [B,N,D], drow [D] += rows of dy [B,N+1,D]. */
export function prependBackward({ dy, dx, drow }: Operands<"prependBackward">): void {
  const [B, rows, width] = [extent(dy, 0), extent(dy, 1), extent(dy, 2)];
  const N = rows - 1;
  accumulate(drow, (sums) => {
    for (let b = 0; b < B; b++) addRow(dy.data, sums, { from: b * rows, to: 0, width });
  });
  accumulate(dx, (sums) => {
    for (let b = 0; b < B; b++) {
      for (let i = 0; i < N; i++) addRow(dy.data, sums, { from: b * rows + 1 + i, to: b * N + i, width });
    }
  });
}

/** dhidden += dy where index < 0; dfeatures [M,D], row index += dy elsewhere. */
export function spliceBackward({ index, dy, dhidden, dfeatures }: Operands<"spliceBackward">): void {
  const width = extent(dy, -1);
  accumulate(dhidden, (sums) => {
    for (let row = 0; row < index.data.length; row++) {
      if (index.data[row]! < 0) addRow(dy.data, sums, { from: row, to: row, width });
    }
  });
  accumulate(dfeatures, (sums) => {
    for (let row = 0; row < index.data.length; row++) {
      if (index.data[row]! >= 0) addRow(dy.data, sums, { from: row, to: index.data[row]!, width });
    }
  });
}

/** dx [M,D], row order[r] / k += dy [R,D], where k = R / M. */
export function gatherRowsBackward({ order, dy, dx }: Operands<"gatherRowsBackward">): void {
  const [M, width] = [extent(dx, 0), extent(dx, 1)];
  const k = order.data.length / M;
  accumulate(dx, (sums) => {
    for (let from = 0; from < order.data.length; from++) {
      addRow(dy.data, sums, { from, to: Math.floor(order.data[from]! / k), width });
    }
  });
}

/**
 * Adds row `from` of dy to row `to` of the sums; rows are `width` numbers.
 *
 * @throws {RangeError} if the sums have no such row, where a fast kernel would write to foreign memory
 */
export function addRow(
  dy: HostData,
  sums: Float64Array,
  { from, to, width }: { readonly from: number; readonly to: number; readonly width: number },
): void {
  if (to < 0 || (to + 1) * width > sums.length) {
    throw new RangeError(`Cannot add to row ${to}: the table has ${sums.length / width}`);
  }
  for (let i = 0; i < width; i++) sums[to * width + i]! += dy[from * width + i]!;
}
