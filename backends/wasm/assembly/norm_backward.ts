// Gradients of rmsNorm and layerNorm. First each row's dx, by rows; what the weight's gradient needs of a row (mean
// and factor) stays in shared memory. Then the weight's gradient, by columns, so that no sum is split.
import { madd, share, sumLanes } from "./simd";
import { placeOf, sum, sumOfSquares } from "./norm";

/**
 * Row by row: rest [rows][2] = mean and factor 1/√(variance + eps), and dx unless it is absent. With x̂ = (x − mean) ·
 * factor and g = weight · dy: dx += factor · (g − mean(g) − x̂ · mean(g · x̂)), where rmsNorm has no means but the last.
 */
export function normBackward(
  x: usize, weight: usize, dy: usize, dx: usize, rest: usize,
  rows: i32, width: i32, eps: f32, centred: i32, thread: i32, threads: i32,
): void {
  const last = share(rows, 1, thread + 1, threads);
  for (let row = share(rows, 1, thread, threads); row < last; row++) {
    const offset = (<usize>row * width) << 2;
    const mean: f32 = centred ? sum(x + offset, width) / <f32>width : 0;
    const factor = <f32>1 / sqrt<f32>(sumOfSquares(x + offset, width, mean) / <f32>width + eps);
    store<f32>(rest + (<usize>row << 3), mean);
    store<f32>(rest + (<usize>row << 3), factor, 4);
    if (dx != 0) normRow(x + offset, weight, dy + offset, dx + offset, width, mean, factor, centred);
  }
}

function normRow(
  x: usize, weight: usize, dy: usize, dx: usize, width: i32, mean: f32, factor: f32, centred: i32,
): void {
  const means = f32x4.splat(mean), factors = f32x4.splat(factor);
  let g4 = f32x4.splat(0), gx4 = g4;
  let i = 0;
  for (; i + 4 <= width; i += 4) {
    const at = <usize>i << 2;
    const g = f32x4.mul(v128.load(weight + at), v128.load(dy + at));
    g4 = f32x4.add(g4, g);
    gx4 = madd(g, f32x4.mul(f32x4.sub(v128.load(x + at), means), factors), gx4);
  }
  let gSum = sumLanes(g4), gxSum = sumLanes(gx4);
  for (; i < width; i++) {
    const at = <usize>i << 2;
    const g = load<f32>(weight + at) * load<f32>(dy + at);
    gSum += g;
    gxSum += g * (load<f32>(x + at) - mean) * factor;
  }
  const gMean: f32 = centred ? gSum / <f32>width : 0, gxMean = gxSum / <f32>width;
  const gMeans = f32x4.splat(gMean), gxMeans = f32x4.splat(gxMean);
  i = 0;
  for (; i + 4 <= width; i += 4) {
    const at = <usize>i << 2;
    const g = f32x4.mul(v128.load(weight + at), v128.load(dy + at));
    const normal = f32x4.mul(f32x4.sub(v128.load(x + at), means), factors);
    const d = f32x4.sub(f32x4.sub(g, gMeans), f32x4.mul(normal, gxMeans));
    v128.store(dx + at, madd(d, factors, v128.load(dx + at)));
  }
  for (; i < width; i++) {
    const at = <usize>i << 2;
    const g = load<f32>(weight + at) * load<f32>(dy + at);
    const normal = (load<f32>(x + at) - mean) * factor;
    store<f32>(dx + at, load<f32>(dx + at) + (g - gMean - normal * gxMean) * factor);
  }
}

/** dweight [width] += Σ dy · (x − mean) · factor, dbias += Σ dy; either may be absent. Threads own columns. */
export function normWeightBackward(
  x: usize, dy: usize, rest: usize, dweight: usize, dbias: usize, rows: i32, width: i32, thread: i32, threads: i32,
): void {
  const first = share(width, 4, thread, threads), last = share(width, 4, thread + 1, threads);
  for (let i = first; i < last; i += 4) {
    const lanes = min(4, width - i);
    let w = f32x4.splat(0), b = w;
    for (let row = 0; row < rows; row++) {
      const at = (<usize>row * width + i) << 2;
      const d = v128.load(dy + at);
      const factor = v128.load32_splat(rest + (<usize>row << 3) + 4);
      const normal = f32x4.mul(f32x4.sub(v128.load(x + at), v128.load32_splat(rest + (<usize>row << 3))), factor);
      w = madd(d, normal, w);
      b = f32x4.add(b, d);
    }
    if (dweight != 0) addLanes(dweight + (<usize>i << 2), w, lanes);
    if (dbias != 0) addLanes(dbias + (<usize>i << 2), b, lanes);
  }
}

function addLanes(at: usize, v: v128, lanes: i32): void {
  if (lanes > 0) store<f32>(at, load<f32>(at) + f32x4.extract_lane(v, 0));
  if (lanes > 1) store<f32>(at, load<f32>(at, 4) + f32x4.extract_lane(v, 1), 4);
  if (lanes > 2) store<f32>(at, load<f32>(at, 8) + f32x4.extract_lane(v, 2), 8);
  if (lanes > 3) store<f32>(at, load<f32>(at, 12) + f32x4.extract_lane(v, 3), 12);
}

/** dx [B,T,H,C] += dy rotated back. */
export function ropeBackward(
  dy: usize, cos: usize, sin: usize, start: usize, position: usize, dx: usize,
  batch: i32, tokens: i32, heads: i32, width: i32, positions: i32, thread: i32, threads: i32,
): void {
  const half = width >> 1;
  const rows = batch * tokens;
  const far = <usize>half << 2;
  const last = share(rows, 1, thread + 1, threads);
  for (let row = share(rows, 1, thread, threads); row < last; row++) {
    const table = (<usize>min(placeOf(row, tokens, start, position), positions - 1) * half) << 2;
    for (let h = 0; h < heads; h++) {
      const from = dy + ((<usize>(row * heads + h) * width) << 2), to = dx + ((<usize>(row * heads + h) * width) << 2);
      for (let i = 0; i < half; i++) {
        const at = <usize>i << 2;
        const a = load<f32>(from + at), d = load<f32>(from + at + far);
        const c = load<f32>(cos + table + at), s = load<f32>(sin + table + at);
        store<f32>(to + at, load<f32>(to + at) + a * c + d * s);
        store<f32>(to + at + far, load<f32>(to + at + far) + d * c - a * s);
      }
    }
  }
}
