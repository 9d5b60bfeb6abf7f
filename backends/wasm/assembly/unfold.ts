// The windows of a convolution and the way back. A row of a window is one run of memory in the image: the pixels of a
// row lie side by side, channels and all.
import { addTo } from "./elementwise_backward";
import { share } from "./simd";

/** y [B,OH,OW,K·K·C] = the windows of x [B,H,W,C]; threads own windows. */
export function unfold(
  x: usize, y: usize, batch: i32, height: i32, width: i32, channels: i32, rows: i32, columns: i32,
  window: i32, stride: i32, padding: i32, thread: i32, threads: i32,
): void {
  const total = batch * rows * columns, run = window * channels;
  const last = share(total, 1, thread + 1, threads);
  for (let n = share(total, 1, thread, threads); n < last; n++) {
    const b = n / (rows * columns), row = n / columns % rows * stride - padding, column = n % columns * stride - padding;
    // Columns of the window that lie inside the image.
    const first = max(0, -column), end = min(window, width - column);
    let to = y + ((<usize>(n * window) * run) << 2);
    for (let i = 0; i < window; i++, to += <usize>run << 2) {
      const line = row + i;
      if (line < 0 || line >= height || first >= end) {
        zero(to, run);
        continue;
      }
      const from = x + ((<usize>((b * height + line) * width + column + first) * channels) << 2);
      zero(to, first * channels);
      copy(from, to + (<usize>(first * channels) << 2), (end - first) * channels);
      zero(to + (<usize>(end * channels) << 2), (window - end) * channels);
    }
  }
}

/** dx [B,H,W,C] += the windows dy [B,OH,OW,K·K·C]; threads own rows of dx, and each adds its windows in order. */
export function unfoldBackward(
  dy: usize, dx: usize, batch: i32, height: i32, width: i32, channels: i32, rows: i32, columns: i32,
  window: i32, stride: i32, padding: i32, thread: i32, threads: i32,
): void {
  const total = batch * height, run = window * channels;
  const last = share(total, 1, thread + 1, threads);
  for (let n = share(total, 1, thread, threads); n < last; n++) {
    const b = n / height, line = n % height + padding;
    const to = dx + ((<usize>(n * width) * channels) << 2);
    // Rows of windows that reach this line.
    const lowest = line < window ? 0 : (line - window) / stride + 1, highest = min(rows - 1, line / stride);
    for (let row = lowest; row <= highest; row++) {
      let from = dy + ((<usize>(((b * rows + row) * columns) * window + line - row * stride) * run) << 2);
      for (let place = 0; place < columns; place++, from += <usize>(window * run) << 2) {
        const column = place * stride - padding;
        const first = max(0, -column), end = min(window, width - column);
        if (first >= end) continue;
        const at = <usize>(first * channels) << 2;
        addTo(from + at, to + ((<usize>((column + first) * channels)) << 2), (end - first) * channels);
      }
    }
  }
}

/** Copies `count` numbers: runs are so short that `memory.copy` would cost more than the copying. */
@inline
function copy(from: usize, to: usize, count: i32): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(to + (<usize>i << 2), v128.load(from + (<usize>i << 2)));
  for (; i < count; i++) store<f32>(to + (<usize>i << 2), load<f32>(from + (<usize>i << 2)));
}

@inline
function zero(to: usize, count: i32): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) v128.store(to + (<usize>i << 2), f32x4.splat(0));
  for (; i < count; i++) store<f32>(to + (<usize>i << 2), 0);
}
