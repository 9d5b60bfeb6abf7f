// Kernels that move rows: slice, takeRow, prepend, cacheWrite, patches, splice, gatherRows.
import { share } from "./simd";

/** y [B,n,D] = rows start … of x [B,N,D]. */
export function slice(
  x: usize, y: usize, batch: i32, rows: i32, from: i32, count: i32, width: i32, thread: i32, threads: i32,
): void {
  const last = share(batch, 1, thread + 1, threads);
  for (let b = share(batch, 1, thread, threads); b < last; b++) {
    const source = x + ((<usize>(b * rows + from) * width) << 2);
    memory.copy(y + ((<usize>(b * count) * width) << 2), source, (<usize>count * width) << 2);
  }
}

/** y [B,D] = row index[b] of x [B,T,D]. */
export function takeRow(x: usize, index: usize, y: usize, batch: i32, rows: i32, width: i32): void {
  for (let b = 0; b < batch; b++) {
    const row = b * rows + load<i32>(index + (<usize>b << 2));
    memory.copy(y + ((<usize>b * width) << 2), x + ((<usize>row * width) << 2), <usize>width << 2);
  }
}

/** y [B,N+1,D] = row, then x [B,N,D]. */
export function prepend(x: usize, row: usize, y: usize, batch: i32, rows: i32, width: i32): void {
  const bytes = <usize>width << 2;
  for (let b = 0; b < batch; b++) {
    const to = y + <usize>(b * (rows + 1)) * bytes;
    memory.copy(to, row, bytes);
    memory.copy(to + bytes, x + <usize>(b * rows) * bytes, <usize>rows * bytes);
  }
}

/** cache [R,S,·] positions start[b] … of row row[b] (b without rows) = x [B,T,·]; positions past S are dropped. */
export function cacheWrite(
  x: usize, start: usize, row: usize, cache: usize, batch: i32, rows: i32, capacity: i32, width: i32,
): void {
  const bytes = <usize>width << 2;
  for (let b = 0; b < batch; b++) {
    const first = load<i32>(start + (<usize>b << 2));
    const count = max(0, min(rows, capacity - first));
    const home = row == 0 ? b : load<i32>(row + (<usize>b << 2));
    const to = cache + <usize>(home * capacity + first) * bytes;
    memory.copy(to, x + <usize>(b * rows) * bytes, <usize>count * bytes);
  }
}

/** y [B,N,c·P·P]: patch by patch, channel by channel, row by row. */
export function patches(
  pixels: usize, y: usize, batch: i32, channels: i32, size: i32, patch: i32, thread: i32, threads: i32,
): void {
  const grid = size / patch;
  const total = batch * grid * grid;
  const bytes = <usize>patch << 2;
  const last = share(total, 1, thread + 1, threads);
  for (let n = share(total, 1, thread, threads); n < last; n++) {
    const b = n / (grid * grid), py = n / grid % grid, px = n % grid;
    let to = y + <usize>(n * channels * patch) * bytes;
    for (let c = 0; c < channels; c++) {
      for (let i = 0; i < patch; i++) {
        const row = (b * channels + c) * size + py * patch + i;
        memory.copy(to, pixels + ((<usize>row * size + px * patch) << 2), bytes);
        to += bytes;
      }
    }
  }
}

/** y [M,D] = features[index] where index ≥ 0, else hidden. */
export function splice(
  hidden: usize, features: usize, index: usize, y: usize, rows: i32, width: i32, thread: i32, threads: i32,
): void {
  const bytes = <usize>width << 2;
  const last = share(rows, 1, thread + 1, threads);
  for (let row = share(rows, 1, thread, threads); row < last; row++) {
    const from = load<i32>(index + (<usize>row << 2));
    const source = from < 0 ? hidden + <usize>row * bytes : features + <usize>from * bytes;
    memory.copy(y + <usize>row * bytes, source, bytes);
  }
}

/** y [R,D] = row order[r] / k of x. */
export function gatherRows(
  x: usize, order: usize, y: usize, rows: i32, k: i32, width: i32, thread: i32, threads: i32,
): void {
  const bytes = <usize>width << 2;
  const last = share(rows, 1, thread + 1, threads);
  for (let r = share(rows, 1, thread, threads); r < last; r++) {
    const token = load<i32>(order + (<usize>r << 2)) / k;
    memory.copy(y + <usize>r * bytes, x + <usize>token * bytes, bytes);
  }
}
