// rmsNorm, layerNorm, rope: each thread owns rows.
import { madd, share, sumLanes } from "./simd";

export function rmsNorm(
  x: usize, weight: usize, y: usize, rows: i32, width: i32, eps: f32, thread: i32, threads: i32,
): void {
  const last = share(rows, 1, thread + 1, threads);
  for (let row = share(rows, 1, thread, threads); row < last; row++) {
    const from = x + ((<usize>row * width) << 2), to = y + ((<usize>row * width) << 2);
    const factor = <f32>1 / sqrt<f32>(sumOfSquares(from, width, 0) / <f32>width + eps);
    const factors = f32x4.splat(factor);
    let i = 0;
    for (; i + 4 <= width; i += 4) {
      const at = <usize>i << 2;
      v128.store(to + at, f32x4.mul(f32x4.mul(v128.load(from + at), factors), v128.load(weight + at)));
    }
    for (; i < width; i++) {
      const at = <usize>i << 2;
      store<f32>(to + at, load<f32>(from + at) * factor * load<f32>(weight + at));
    }
  }
}

export function layerNorm(
  x: usize, weight: usize, bias: usize, y: usize, rows: i32, width: i32, eps: f32, thread: i32, threads: i32,
): void {
  const last = share(rows, 1, thread + 1, threads);
  for (let row = share(rows, 1, thread, threads); row < last; row++) {
    const from = x + ((<usize>row * width) << 2), to = y + ((<usize>row * width) << 2);
    const mean = sum(from, width) / <f32>width;
    const factor = <f32>1 / sqrt<f32>(sumOfSquares(from, width, mean) / <f32>width + eps);
    const means = f32x4.splat(mean), factors = f32x4.splat(factor);
    let i = 0;
    for (; i + 4 <= width; i += 4) {
      const at = <usize>i << 2;
      const centred = f32x4.mul(f32x4.sub(v128.load(from + at), means), factors);
      v128.store(to + at, madd(centred, v128.load(weight + at), v128.load(bias + at)));
    }
    for (; i < width; i++) {
      const at = <usize>i << 2;
      store<f32>(to + at, (load<f32>(from + at) - mean) * factor * load<f32>(weight + at) + load<f32>(bias + at));
    }
  }
}

export function sum(x: usize, width: i32): f32 {
  let a = f32x4.splat(0), b = a;
  let i = 0;
  for (; i + 8 <= width; i += 8) {
    a = f32x4.add(a, v128.load(x + (<usize>i << 2)));
    b = f32x4.add(b, v128.load(x + (<usize>i << 2), 16));
  }
  let total = sumLanes(f32x4.add(a, b));
  for (; i < width; i++) total += load<f32>(x + (<usize>i << 2));
  return total;
}

/** Σ (x − mean)². */
export function sumOfSquares(x: usize, width: i32, mean: f32): f32 {
  const means = f32x4.splat(mean);
  let a = f32x4.splat(0), b = a;
  let i = 0;
  for (; i + 8 <= width; i += 8) {
    const u = f32x4.sub(v128.load(x + (<usize>i << 2)), means);
    const v = f32x4.sub(v128.load(x + (<usize>i << 2), 16), means);
    a = madd(u, u, a);
    b = madd(v, v, b);
  }
  let total = sumLanes(f32x4.add(a, b));
  for (; i < width; i++) {
    const u = load<f32>(x + (<usize>i << 2)) - mean;
    total += u * u;
  }
  return total;
}

/** Rotates the halves of each head [B,T,H,C]; a row past the table takes its last position. */
export function rope(
  x: usize, cos: usize, sin: usize, start: usize, position: usize, y: usize,
  batch: i32, tokens: i32, heads: i32, width: i32, positions: i32, thread: i32, threads: i32,
): void {
  const half = width >> 1;
  const rows = batch * tokens;
  const last = share(rows, 1, thread + 1, threads);
  for (let row = share(rows, 1, thread, threads); row < last; row++) {
    const table = (<usize>min(placeOf(row, tokens, start, position), positions - 1) * half) << 2;
    for (let h = 0; h < heads; h++) {
      const at = (<usize>(row * heads + h) * width) << 2;
      rotate(x + at, y + at, cos + table, sin + table, half);
    }
  }
}

/** Where a token stands: at a position of its own, or behind those before it from its row's start on. */
@inline
export function placeOf(row: i32, tokens: i32, start: usize, position: usize): i32 {
  if (position != 0) return load<i32>(position + (<usize>row << 2));
  const b = row / tokens;
  return row - b * tokens + (start == 0 ? 0 : load<i32>(start + (<usize>b << 2)));
}

@inline
function rotate(x: usize, y: usize, cos: usize, sin: usize, half: i32): void {
  const far = <usize>half << 2;
  let i = 0;
  for (; i + 4 <= half; i += 4) {
    const at = <usize>i << 2;
    const a = v128.load(x + at), b = v128.load(x + at + far);
    const c = v128.load(cos + at), s = v128.load(sin + at);
    v128.store(y + at, f32x4.sub(f32x4.mul(a, c), f32x4.mul(b, s)));
    v128.store(y + at + far, f32x4.add(f32x4.mul(b, c), f32x4.mul(a, s)));
  }
  for (; i < half; i++) {
    const at = <usize>i << 2;
    const a = load<f32>(x + at), b = load<f32>(x + at + far);
    const c = load<f32>(cos + at), s = load<f32>(sin + at);
    store<f32>(y + at, a * c - b * s);
    store<f32>(y + at + far, b * c + a * s);
  }
}
