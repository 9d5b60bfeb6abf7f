/**
 * Kernels that move rows and compute nothing: slice, takeRow, prepend, splice, patches, gatherRows, cacheWrite.
 *
 * @module
 */
import { copyRow, extent, type Operands } from "./operands.ts";

/** y [B,n,D] = rows start … start + n of each x[b] [N,D]. */
export function slice({ x, y, start }: Operands<"slice">): void {
  const [B, n, width] = [extent(y, 0), extent(y, 1), extent(y, 2)];
  const N = extent(x, 1);
  for (let b = 0; b < B; b++) {
    for (let i = 0; i < n; i++) copyRow(x.data, y.data, { from: b * N + start + i, to: b * n + i, width });
  }
}

/** y [B,D] = row index[b] of each x[b] [T,D]. */
export function takeRow({ x, index, y }: Operands<"takeRow">): void {
  const [B, T, width] = [extent(x, 0), extent(x, 1), extent(x, 2)];
  for (let b = 0; b < B; b++) copyRow(x.data, y.data, { from: b * T + index.data[b]!, to: b, width });
}

/** y [B,N+1,D] = row, then x[b]. */
export function prepend({ x, row, y }: Operands<"prepend">): void {
  const [B, N, width] = [extent(x, 0), extent(x, 1), extent(x, 2)];
  for (let b = 0; b < B; b++) {
    copyRow(row.data, y.data, { from: 0, to: b * (N + 1), width });
    for (let i = 0; i < N; i++) copyRow(x.data, y.data, { from: b * N + i, to: b * (N + 1) + 1 + i, width });
  }
}

/** y [B,T,D] = row index of features [M,D] where index ≥ 0, else hidden. */
export function splice({ hidden, features, index, y }: Operands<"splice">): void {
  const width = extent(y, -1);
  for (let to = 0; to < index.data.length; to++) {
    const from = index.data[to]!;
    if (from >= 0) copyRow(features.data, y.data, { from, to, width });
    else copyRow(hidden.data, y.data, { from: to, to, width });
  }
}

/** y [B,N,c·P·P]: patches row by row, each channel by channel, as a convolution's weight [out,c,P,P] sees them. */
export function patches({ pixels, y, patch }: Operands<"patches">): void {
  const [B, channels, size] = [extent(pixels, 0), extent(pixels, 1), extent(pixels, 2)];
  const across = size / patch;
  let to = 0;
  for (let b = 0; b < B; b++) {
    for (let n = 0; n < across * across; n++) {
      const [top, left] = [Math.floor(n / across) * patch, (n % across) * patch];
      for (let c = 0; c < channels; c++) {
        for (let i = 0; i < patch; i++) {
          const from = ((b * channels + c) * size + top + i) * size + left;
          for (let j = 0; j < patch; j++) y.data[to++] = pixels.data[from + j]!;
        }
      }
    }
  }
}

/** y [R,D] = row order[r] / k of x [M,D], where k = R / M. */
export function gatherRows({ x, order, y }: Operands<"gatherRows">): void {
  const [M, width] = [extent(x, 0), extent(x, 1)];
  const k = order.data.length / M;
  for (let to = 0; to < order.data.length; to++) {
    copyRow(x.data, y.data, { from: Math.floor(order.data[to]! / k), to, width });
  }
}

/** Positions start[b] … of row row[b] of cache [R,S,G,C] = x [B,T,G,C]; positions past S are dropped. */
export function cacheWrite({ x, start, row, cache }: Operands<"cacheWrite">): void {
  const [B, T, S] = [extent(x, 0), extent(x, 1), extent(cache, 1)];
  const width = extent(x, 2) * extent(x, 3);
  for (let b = 0; b < B; b++) {
    for (let t = 0; t < T && start.data[b]! + t < S; t++) {
      copyRow(x.data, cache.data, { from: b * T + t, to: (row?.data[b] ?? b) * S + start.data[b]! + t, width });
    }
  }
}
