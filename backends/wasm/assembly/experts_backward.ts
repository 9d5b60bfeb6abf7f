// Gradients of route, combine, balanceLoss.
import { madd, share, sumLanes } from "./simd";

/** dlogits [M,E] from dscores and dweight, either of which may be absent. */
export function routeBackward(
  scores: usize, weight: usize, expert: usize, dscores: usize, dweight: usize, dlogits: usize,
  rows: i32, experts: i32, k: i32, normalise: i32, thread: i32, threads: i32,
): void {
  const last = share(rows, 1, thread + 1, threads);
  for (let row = share(rows, 1, thread, threads); row < last; row++) {
    const p = scores + ((<usize>row * experts) << 2), choice = (<usize>row * k) << 2;
    let total: f32 = 1, mean: f32 = 0;
    if (normalise && dweight != 0) {
      total = <f32>1e-20;
      for (let j = 0; j < k; j++) {
        const at = choice + (<usize>j << 2);
        total += load<f32>(p + (<usize>load<i32>(expert + at) << 2));
        mean += load<f32>(dweight + at) * load<f32>(weight + at);
      }
    }
    // softmax: dlogit = p · (d − Σ p · d)
    let sum: f32 = 0;
    for (let e = 0; e < experts; e++) {
      sum += load<f32>(p + (<usize>e << 2)) * scoreGradient(row, e, experts, k, expert, dscores, dweight, total, mean);
    }
    for (let e = 0; e < experts; e++) {
      const d = scoreGradient(row, e, experts, k, expert, dscores, dweight, total, mean);
      const at = dlogits + ((<usize>row * experts + e) << 2);
      store<f32>(at, load<f32>(at) + load<f32>(p + (<usize>e << 2)) * (d - sum));
    }
  }
}

/** Gradient of one score: its own, and through the weight if its expert was chosen. */
@inline
function scoreGradient(
  row: i32, e: i32, experts: i32, k: i32, expert: usize, dscores: usize, dweight: usize, total: f32, mean: f32,
): f32 {
  let d: f32 = dscores == 0 ? 0 : load<f32>(dscores + ((<usize>row * experts + e) << 2));
  if (dweight == 0) return d;
  for (let j = 0; j < k; j++) {
    const at = (<usize>row * k + j) << 2;
    if (load<i32>(expert + at) == e) d += (load<f32>(dweight + at) - mean) / total;
  }
  return d;
}

/** dx [R,D] += weight · dy of the token; dweight [M,k] += x · dy. Threads own places. */
export function combineBackward(
  x: usize, order: usize, weight: usize, dy: usize, dx: usize, dweight: usize,
  count: i32, k: i32, width: i32, thread: i32, threads: i32,
): void {
  const last = share(count, 1, thread + 1, threads);
  for (let r = share(count, 1, thread, threads); r < last; r++) {
    const choice = load<i32>(order + (<usize>r << 2));
    const d = dy + ((<usize>(choice / k) * width) << 2), row = (<usize>r * width) << 2;
    if (dx != 0) addScaled(d, load<f32>(weight + (<usize>choice << 2)), dx + row, width);
    if (dweight == 0) continue;
    const at = dweight + (<usize>choice << 2);
    store<f32>(at, load<f32>(at) + dot(x + row, d, width));
  }
}

function addScaled(x: usize, factor: f32, y: usize, width: i32): void {
  const factors = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= width; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, madd(factors, v128.load(x + at), v128.load(y + at)));
  }
  for (; i < width; i++) {
    const at = <usize>i << 2;
    store<f32>(y + at, load<f32>(y + at) + factor * load<f32>(x + at));
  }
}

function dot(a: usize, b: usize, width: i32): f32 {
  let s = f32x4.splat(0);
  let i = 0;
  for (; i + 4 <= width; i += 4) s = madd(v128.load(a + (<usize>i << 2)), v128.load(b + (<usize>i << 2)), s);
  let total = sumLanes(s);
  for (; i < width; i++) total += load<f32>(a + (<usize>i << 2)) * load<f32>(b + (<usize>i << 2));
  return total;
}

/** dscores [B,T,E] += factor · dy · choices of e / tokens² / groups. */
export function balanceLossBackward(
  expert: usize, dy: usize, dscores: usize, groups: i32, tokens: i32, experts: i32, k: i32, factor: f32,
): void {
  const common = <f64>factor * load<f32>(dy) / (<f64>tokens * tokens * groups);
  for (let group = 0; group < groups; group++) {
    const chosen = expert + ((<usize>(group * tokens) * k) << 2);
    for (let e = 0; e < experts; e++) {
      let count: f64 = 0;
      for (let i = 0; i < tokens * k; i++) if (load<i32>(chosen + (<usize>i << 2)) == e) count++;
      const d = <f32>(common * count);
      for (let t = 0; t < tokens; t++) {
        const at = dscores + ((<usize>(group * tokens + t) * experts + e) << 2);
        store<f32>(at, load<f32>(at) + d);
      }
    }
  }
}
