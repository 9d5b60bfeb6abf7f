/**
 * The windows of a convolution and the way back: unfold, unfoldBackward.
 *
 * @module
 */
import type { Windows } from "../../../core/graph/kernels.ts";
import { type Dispatch, extent, type Operands, type Value } from "../kernel.ts";
import { groupsFor, shader } from "../shader.ts";

/** y [B,OH,OW,K·K·C] = the windows of x [B,H,W,C], zeros outside of it. */
export function unfold({ x, y, ...windows }: Operands<"unfold">): Dispatch[] {
  return [shader({
    reads: { x },
    writes: { y },
    sizes: { ...extents({ image: x, unfolded: y, windows }), count: y.count },
    groups: groupsFor(y.count),
    body: ({ x, y }) => `
if (i >= p.count) { return; }
let c = i % p.C;
let inside = i / p.C % (p.window * p.window);
let n = i / (p.C * p.window * p.window);
let row = n / p.columns % p.rows * p.stride + inside / p.window;
let column = n % p.columns * p.stride + inside % p.window;
let b = n / (p.rows * p.columns);
var value = 0.0;
if (row >= p.padding && row < p.H + p.padding && column >= p.padding && column < p.W + p.padding) {
  value = ${x}[((b * p.H + row - p.padding) * p.W + column - p.padding) * p.C + c];
}
${y}[i] = value;`,
  })];
}

/** dx [B,H,W,C] += the windows dy [B,OH,OW,K·K·C] that reach it; a thread takes a number of dx and looks for them. */
export function unfoldBackward({ dy, dx, ...windows }: Operands<"unfoldBackward">): Dispatch[] {
  return [shader({
    reads: { dy },
    writes: { dx },
    sizes: { ...extents({ image: dx, unfolded: dy, windows }), count: dx.count },
    groups: groupsFor(dx.count),
    body: ({ dy, dx }) => `
if (i >= p.count) { return; }
let c = i % p.C;
let x = i / p.C % p.W + p.padding;
let y = i / (p.C * p.W) % p.H + p.padding;
let b = i / (p.C * p.W * p.H);
var sum = 0.0;
for (var top = 0u; top < min(p.window, y + 1u); top++) {
  let row = (y - top) / p.stride;
  if ((y - top) % p.stride != 0u || row >= p.rows) { continue; }
  for (var left = 0u; left < min(p.window, x + 1u); left++) {
    let column = (x - left) / p.stride;
    if ((x - left) % p.stride != 0u || column >= p.columns) { continue; }
    let n = (b * p.rows + row) * p.columns + column;
    sum += ${dy}[((n * p.window + top) * p.window + left) * p.C + c];
  }
}
${dx}[i] += sum;`,
  })];
}

function extents(
  { image, unfolded, windows }: { image: Value; unfolded: Value; windows: Windows },
): Record<string, number> {
  const { window, stride, padding } = windows;
  const [H, W, C] = [extent(image, 1), extent(image, 2), extent(image, 3)];
  return { H, W, C, rows: extent(unfolded, 1), columns: extent(unfolded, 2), window, stride, padding };
}
