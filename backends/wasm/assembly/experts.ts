// Mixture of experts: route, dispatch, combine, balanceLoss.
import { exp1, madd, share } from "./simd";

/** scores = softmax(logits) per row; the k largest and their (normalised) weights. The lower index wins a tie. */
export function route(
  logits: usize, scores: usize, weight: usize, expert: usize,
  rows: i32, experts: i32, k: i32, normalise: i32, thread: i32, threads: i32,
): void {
  const last = share(rows, 1, thread + 1, threads);
  for (let row = share(rows, 1, thread, threads); row < last; row++) {
    const from = logits + ((<usize>row * experts) << 2), p = scores + ((<usize>row * experts) << 2);
    softmaxRow(from, p, experts);
    const chosen = expert + ((<usize>row * k) << 2), weights = weight + ((<usize>row * k) << 2);
    let total: f32 = 0;
    for (let j = 0; j < k; j++) {
      let best = -1;
      for (let e = 0; e < experts; e++) {
        if (best >= 0 && load<f32>(from + (<usize>e << 2)) <= load<f32>(from + (<usize>best << 2))) continue;
        if (!contains(chosen, j, e)) best = e;
      }
      store<i32>(chosen + (<usize>j << 2), best);
      store<f32>(weights + (<usize>j << 2), load<f32>(p + (<usize>best << 2)));
      total += load<f32>(p + (<usize>best << 2));
    }
    if (normalise == 0) continue;
    for (let j = 0; j < k; j++) {
      const at = weights + (<usize>j << 2);
      store<f32>(at, load<f32>(at) / (total + <f32>1e-20));
    }
  }
}

function contains(list: usize, count: i32, value: i32): bool {
  for (let i = 0; i < count; i++) if (load<i32>(list + (<usize>i << 2)) == value) return true;
  return false;
}

function softmaxRow(x: usize, y: usize, count: i32): void {
  let top: f32 = -Infinity;
  for (let i = 0; i < count; i++) top = max(top, load<f32>(x + (<usize>i << 2)));
  let sum: f32 = 0;
  for (let i = 0; i < count; i++) {
    const p = exp1(load<f32>(x + (<usize>i << 2)) - top);
    store<f32>(y + (<usize>i << 2), p);
    sum += p;
  }
  for (let i = 0; i < count; i++) store<f32>(y + (<usize>i << 2), load<f32>(y + (<usize>i << 2)) / sum);
}

/** Stable counting sort of `count` choices by expert. */
export function dispatch(expert: usize, order: usize, offsets: usize, count: i32, experts: i32): void {
  for (let e = 0; e <= experts; e++) store<i32>(offsets + (<usize>e << 2), 0);
  for (let i = 0; i < count; i++) {
    const at = offsets + (<usize>load<i32>(expert + (<usize>i << 2)) << 2);
    store<i32>(at, load<i32>(at, 4) + 1, 4);
  }
  for (let e = 1; e <= experts; e++) {
    const at = offsets + (<usize>e << 2);
    store<i32>(at, load<i32>(at) + load<i32>(at - 4));
  }
  for (let i = 0; i < count; i++) {
    const at = offsets + (<usize>load<i32>(expert + (<usize>i << 2)) << 2);
    const place = load<i32>(at);
    store<i32>(order + (<usize>place << 2), i);
    store<i32>(at, place + 1);
  }
  for (let e = experts; e > 0; e--) {
    const at = offsets + (<usize>e << 2);
    store<i32>(at, load<i32>(at - 4));
  }
  store<i32>(offsets, 0);
}

/** y [M,D] = Σ weight · rows of x, in order of place; a thread adds up its own tokens. */
export function combine(
  x: usize, order: usize, weight: usize, y: usize, rows: i32, k: i32, width: i32, thread: i32, threads: i32,
): void {
  const first = share(rows, 1, thread, threads), last = share(rows, 1, thread + 1, threads);
  memory.fill(y + ((<usize>first * width) << 2), 0, (<usize>(last - first) * width) << 2);
  for (let r = 0; r < rows * k; r++) {
    const choice = load<i32>(order + (<usize>r << 2));
    const token = choice / k;
    if (token < first || token >= last) continue;
    const factor = load<f32>(weight + (<usize>choice << 2));
    const factors = f32x4.splat(factor);
    const from = x + ((<usize>r * width) << 2), to = y + ((<usize>token * width) << 2);
    let i = 0;
    for (; i + 4 <= width; i += 4) {
      const at = <usize>i << 2;
      v128.store(to + at, madd(factors, v128.load(from + at), v128.load(to + at)));
    }
    for (; i < width; i++) {
      const at = <usize>i << 2;
      store<f32>(to + at, load<f32>(to + at) + factor * load<f32>(from + at));
    }
  }
}

/** y [1] = factor · mean over groups of Σₑ choices of e / tokens · mean score of e. */
export function balanceLoss(
  scores: usize, expert: usize, y: usize, groups: i32, tokens: i32, experts: i32, k: i32, factor: f32,
): void {
  let total: f64 = 0;
  for (let group = 0; group < groups; group++) {
    const p = scores + ((<usize>(group * tokens) * experts) << 2);
    const chosen = expert + ((<usize>(group * tokens) * k) << 2);
    for (let e = 0; e < experts; e++) {
      let count: f64 = 0, score: f64 = 0;
      for (let i = 0; i < tokens * k; i++) if (load<i32>(chosen + (<usize>i << 2)) == e) count++;
      for (let t = 0; t < tokens; t++) score += load<f32>(p + (<usize>(t * experts + e) << 2));
      total += count / tokens * (score / tokens);
    }
  }
  store<f32>(y, <f32>(<f64>factor * total / groups));
}
