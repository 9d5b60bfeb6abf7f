/**
 * The windows of a convolution and the way back: unfold, unfoldBackward.
 *
 * @module
 */
import type { Windows } from "../../core/graph/kernels.ts";
import { accumulate, extent, type Operands, type View } from "./operands.ts";

/** y [B,OH,OW,K·K·C] = the windows of x [B,H,W,C], zeros outside of it. */
export function unfold({ x, y, ...windows }: Operands<"unfold">): void {
  y.data.fill(0);
  for (const [inside, unfolded] of places(x, y, windows)) y.data[unfolded] = x.data[inside]!;
}

/** dx [B,H,W,C] += the windows dy [B,OH,OW,K·K·C], each number where it came from. */
export function unfoldBackward({ dy, dx, ...windows }: Operands<"unfoldBackward">): void {
  accumulate(dx, (sums) => {
    for (const [inside, unfolded] of places(dx, dy, windows)) sums[inside]! += dy.data[unfolded]!;
  });
}

/** For every number of the windows that lies inside the image: its index there and among the windows. */
function* places(image: View, unfolded: View, { window, stride, padding }: Windows): Generator<[number, number]> {
  const [B, H, W, C] = image.shape as [number, number, number, number];
  const [rows, columns] = [extent(unfolded, 1), extent(unfolded, 2)];
  for (let n = 0; n < B * rows * columns; n++) {
    const [b, row, column] = [Math.floor(n / (rows * columns)), Math.floor(n / columns) % rows, n % columns];
    for (let i = 0; i < window * window; i++) {
      const y = row * stride - padding + Math.floor(i / window), x = column * stride - padding + i % window;
      if (y < 0 || y >= H || x < 0 || x >= W) continue;
      for (let c = 0; c < C; c++) yield [((b * H + y) * W + x) * C + c, (n * window * window + i) * C + c];
    }
  }
}
