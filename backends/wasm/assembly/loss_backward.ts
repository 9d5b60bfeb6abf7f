// Gradients of the losses. crossEntropyBackward is a few steps over a block of rows that have a target: gathered,
// logits by the forward product, their gradient in place here, then the two products of a linear layer's gradients.
import { exp4, madd, maxLanes, share, sumLanes } from "./simd";

/** numbers [1+M]: how many rows have a target, then which, then −1. */
export function labelledRows(target: usize, numbers: usize, m: i32): void {
  let count = 0;
  for (let row = 0; row < m; row++) {
    if (load<i32>(target + (<usize>row << 2)) < 0) continue;
    store<i32>(numbers + (<usize>++count << 2), row);
  }
  store<i32>(numbers, count);
  for (let i = count + 1; i <= m; i++) store<i32>(numbers + (<usize>i << 2), -1);
}

/** states [rows,k] = the rows of hidden that `numbers` names, 0 for −1; gradients [rows,k] = 0. Threads own rows. */
export function gatherLabelled(
  hidden: usize, numbers: usize, states: usize, gradients: usize, rows: i32, k: i32, thread: i32, threads: i32,
): void {
  const bytes = <usize>k << 2, last = share(rows, 1, thread + 1, threads);
  for (let r = share(rows, 1, thread, threads); r < last; r++) {
    const row = load<i32>(numbers + (<usize>r << 2));
    if (row < 0) memory.fill(states + r * bytes, 0, bytes);
    else memory.copy(states + r * bytes, hidden + row * bytes, bytes);
    if (gradients != 0) memory.fill(gradients + r * bytes, 0, bytes);
  }
}

/** The rows of dhidden that `numbers` names += gradients [rows,k]. Threads own rows. */
export function scatterLabelled(
  gradients: usize, numbers: usize, dhidden: usize, rows: i32, k: i32, thread: i32, threads: i32,
): void {
  const bytes = <usize>k << 2, last = share(rows, 1, thread + 1, threads);
  for (let r = share(rows, 1, thread, threads); r < last; r++) {
    const row = load<i32>(numbers + (<usize>r << 2));
    if (row < 0) continue;
    const x = gradients + r * bytes, y = dhidden + row * bytes;
    let i = 0;
    for (; i + 4 <= k; i += 4) {
      const at = <usize>i << 2;
      v128.store(y + at, f32x4.add(v128.load(y + at), v128.load(x + at)));
    }
    for (; i < k; i++) {
      const at = <usize>i << 2;
      store<f32>(y + at, load<f32>(y + at) + load<f32>(x + at));
    }
  }
}

/** logits [rows,V] → (softmax − one at target) · dloss of the rows that `numbers` names, 0 for −1. Threads own rows. */
export function logitsBackward(
  logits: usize, numbers: usize, target: usize, dloss: usize, rows: i32, n: i32, thread: i32, threads: i32,
): void {
  const last = share(rows, 1, thread + 1, threads);
  for (let row = share(rows, 1, thread, threads); row < last; row++) {
    const at = logits + ((<usize>row * n) << 2);
    const number = load<i32>(numbers + (<usize>row << 2));
    if (number < 0) {
      memory.fill(at, 0, <usize>n << 2);
      continue;
    }
    const id = load<i32>(target + (<usize>number << 2));
    const d = load<f32>(dloss + (<usize>number << 2));
    softmaxScaled(at, n, d);
    const own = at + (<usize>id << 2);
    store<f32>(own, load<f32>(own) - d);
  }
}

function softmaxScaled(x: usize, n: i32, factor: f32): void {
  let top4 = f32x4.splat(-Infinity);
  let i = 0;
  for (; i + 4 <= n; i += 4) top4 = f32x4.max(top4, v128.load(x + (<usize>i << 2)));
  let top = maxLanes(top4);
  for (; i < n; i++) top = max(top, load<f32>(x + (<usize>i << 2)));
  const tops = f32x4.splat(top);
  let sum4 = f32x4.splat(0);
  i = 0;
  for (; i + 4 <= n; i += 4) {
    const e = exp4(f32x4.sub(v128.load(x + (<usize>i << 2)), tops));
    v128.store(x + (<usize>i << 2), e);
    sum4 = f32x4.add(sum4, e);
  }
  let sum = sumLanes(sum4);
  for (; i < n; i++) {
    const e = f32x4.extract_lane(exp4(f32x4.splat(load<f32>(x + (<usize>i << 2)) - top)), 0);
    store<f32>(x + (<usize>i << 2), e);
    sum += e;
  }
  const scale = factor / sum;
  for (i = 0; i < n; i++) store<f32>(x + (<usize>i << 2), load<f32>(x + (<usize>i << 2)) * scale);
}

/** dloss [M] += dy / number of targets ≥ 0. */
export function meanLossBackward(target: usize, dy: usize, dloss: usize, m: i32): void {
  let count = 0;
  for (let i = 0; i < m; i++) if (load<i32>(target + (<usize>i << 2)) >= 0) count++;
  if (count == 0) return;
  const d = load<f32>(dy) / <f32>count;
  for (let i = 0; i < m; i++) {
    if (load<i32>(target + (<usize>i << 2)) < 0) continue;
    const at = dloss + (<usize>i << 2);
    store<f32>(at, load<f32>(at) + d);
  }
}

/** da += 2 · (a − b) / width · dloss, db −= the same; either may be absent. Threads own rows. */
export function squaredErrorBackward(
  a: usize, b: usize, dloss: usize, da: usize, db: usize, m: i32, width: i32, thread: i32, threads: i32,
): void {
  const last = share(m, 1, thread + 1, threads);
  for (let row = share(m, 1, thread, threads); row < last; row++) {
    const factor: f32 = <f32>2 / <f32>width * load<f32>(dloss + (<usize>row << 2));
    const offset = (<usize>row * width) << 2;
    if (da != 0) addScaledDifference(a + offset, b + offset, da + offset, width, factor);
    if (db != 0) addScaledDifference(a + offset, b + offset, db + offset, width, -factor);
  }
}

/** y += factor · (a − b). */
function addScaledDifference(a: usize, b: usize, y: usize, count: i32, factor: f32): void {
  const factors = f32x4.splat(factor);
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, madd(f32x4.sub(v128.load(a + at), v128.load(b + at)), factors, v128.load(y + at)));
  }
  for (; i < count; i++) {
    const at = <usize>i << 2;
    store<f32>(y + at, load<f32>(y + at) + (load<f32>(a + at) - load<f32>(b + at)) * factor);
  }
}
