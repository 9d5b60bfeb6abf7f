// sample: penalty, temperature, top-k, top-p, min-p, draw. The rules stand in core/sampling.ts.
import { loadPart, storePart } from "./gemm";
import { exp4, maxLanes, share } from "./simd";

/** Scratch: V numbers or ids. */
export function sample(
  logits: usize, settings: usize, id: usize, probabilities: usize, seen: usize, random: usize,
  batch: i32, vocabulary: i32, scratch: usize, thread: i32, threads: i32,
): void {
  const last = share(batch, 1, thread + 1, threads);
  for (let b = share(batch, 1, thread, threads); b < last; b++) {
    const row = (<usize>b * vocabulary) << 2;
    sampleRow(
      logits + row, settings + <usize>b * 20, id + (<usize>b << 2), probabilities + row, seen + row,
      random + (<usize>b << 3), vocabulary, scratch,
    );
  }
}

function sampleRow(
  logits: usize, settings: usize, id: usize, p: usize, seen: usize, random: usize, n: i32, scratch: usize,
): void {
  const temperature = load<f32>(settings), topK = <i32>load<f32>(settings, 4);
  const topP = load<f32>(settings, 8), minP = load<f32>(settings, 12), penalty = load<f32>(settings, 16);
  if (penalty == 1) memory.copy(p, logits, <usize>n << 2);
  else penalise(logits, seen, p, n, penalty);
  let chosen: i32;
  if (temperature == 0) {
    chosen = largest(p, n);
    memory.fill(p, 0, <usize>n << 2);
    store<f32>(p + (<usize>chosen << 2), 1);
  } else {
    divide(p, n, temperature);
    if (topK > 0 && topK < n) dropBelow(p, n, kthLargest(p, n, topK, scratch));
    softmaxInPlace(p, n);
    if (topP < 1) keepNucleus(p, n, topP, scratch);
    if (minP > 0) keepAbove(p, n, minP * load<f32>(p + (<usize>largest(p, n) << 2)));
    if (topP < 1 || minP > 0) normalise(p, n);
    chosen = draw(p, n, uniform(load<i32>(random), load<i32>(random, 4)));
  }
  store<i32>(id, chosen);
  store<i32>(random, load<i32>(random, 4) + 1, 4);
  const at = seen + (<usize>chosen << 2);
  store<i32>(at, load<i32>(at) + 2);
}

/** p = logits, those of ids that were seen made less likely. */
function penalise(logits: usize, seen: usize, p: usize, n: i32, penalty: f32): void {
  const penalties = f32x4.splat(penalty), zero = f32x4.splat(0);
  for (let i = 0; i < n; i += 4) {
    const at = <usize>i << 2, left = n - i;
    const x = loadPart(logits + at, left);
    const penalised = v128.bitselect(f32x4.div(x, penalties), f32x4.mul(x, penalties), f32x4.gt(x, zero));
    const never = i32x4.eq(loadPart(seen + at, left), zero);
    storePart(p + at, v128.bitselect(x, penalised, never), left);
  }
}

/** The largest number's place, the first one on a tie; 0 where there is nothing but NaN. */
function largest(p: usize, n: i32): i32 {
  let tops = f32x4.splat(-Infinity);
  let i = 0;
  for (; i + 4 <= n; i += 4) tops = f32x4.pmax(tops, v128.load(p + (<usize>i << 2)));
  let top = maxLanes(tops);
  for (; i < n; i++) if (load<f32>(p + (<usize>i << 2)) > top) top = load<f32>(p + (<usize>i << 2));
  tops = f32x4.splat(top);
  for (i = 0; i + 4 <= n; i += 4) {
    const found = i32x4.bitmask(f32x4.eq(v128.load(p + (<usize>i << 2)), tops));
    if (found != 0) return i + ctz(found);
  }
  for (; i < n; i++) if (load<f32>(p + (<usize>i << 2)) == top) return i;
  return 0;
}

function divide(p: usize, n: i32, divisor: f32): void {
  const divisors = f32x4.splat(divisor);
  for (let i = 0; i < n; i += 4) {
    const at = p + (<usize>i << 2);
    storePart(at, f32x4.div(loadPart(at, n - i), divisors), n - i);
  }
}

function dropBelow(p: usize, n: i32, limit: f32): void {
  for (let i = 0; i < n; i++) if (load<f32>(p + (<usize>i << 2)) < limit) store<f32>(p + (<usize>i << 2), -Infinity);
}

function keepAbove(p: usize, n: i32, limit: f32): void {
  for (let i = 0; i < n; i++) if (load<f32>(p + (<usize>i << 2)) < limit) store<f32>(p + (<usize>i << 2), 0);
}

/** The k-th largest number, by quickselect on a copy. */
function kthLargest(p: usize, n: i32, k: i32, copy: usize): f32 {
  memory.copy(copy, p, <usize>n << 2);
  let low = 0, high = n - 1;
  while (low < high) {
    const pivot = load<f32>(copy + (<usize>((low + high) >> 1) << 2));
    let i = low, j = high;
    while (i <= j) {
      while (load<f32>(copy + (<usize>i << 2)) > pivot) i++;
      while (load<f32>(copy + (<usize>j << 2)) < pivot) j--;
      if (i > j) break;
      const swapped = load<f32>(copy + (<usize>i << 2));
      store<f32>(copy + (<usize>i << 2), load<f32>(copy + (<usize>j << 2)));
      store<f32>(copy + (<usize>j << 2), swapped);
      i++;
      j--;
    }
    if (k - 1 <= j) high = j;
    else if (k - 1 >= i) low = i;
    else break;
  }
  return load<f32>(copy + (<usize>(k - 1) << 2));
}

/** exp(x − largest), exactly 0 for −∞, over their sum. */
function softmaxInPlace(p: usize, n: i32): void {
  const top = f32x4.splat(load<f32>(p + (<usize>largest(p, n) << 2))), nothing = f32x4.splat(-Infinity);
  for (let i = 0; i < n; i += 4) {
    const at = p + (<usize>i << 2);
    const x = loadPart(at, n - i);
    storePart(at, v128.and(f32x4.gt(x, nothing), exp4(f32x4.sub(x, top))), n - i);
  }
  normalise(p, n);
}

/** Divides by the sum, in f64. */
function normalise(p: usize, n: i32): void {
  let low = f64x2.splat(0), high = low;
  for (let i = 0; i < n; i += 4) {
    const x = loadPart(p + (<usize>i << 2), n - i);
    low = f64x2.add(low, f64x2.promote_low_f32x4(x));
    high = f64x2.add(high, f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 0, 1)));
  }
  const both = f64x2.add(low, high);
  const sum = f64x2.splat(f64x2.extract_lane(both, 0) + f64x2.extract_lane(both, 1));
  for (let i = 0; i < n; i += 4) {
    const at = p + (<usize>i << 2);
    const x = loadPart(at, n - i);
    const a = f32x4.demote_f64x2_zero(f64x2.div(f64x2.promote_low_f32x4(x), sum));
    const b = f32x4.demote_f64x2_zero(f64x2.div(f64x2.promote_low_f32x4(v128.shuffle<f32>(x, x, 2, 3, 0, 1)), sum));
    storePart(at, v128.shuffle<f32>(a, b, 0, 1, 4, 5), n - i);
  }
}

/** Zeroes all but the likeliest ids that the likelier ones have not yet filled to `mass`. */
function keepNucleus(p: usize, n: i32, mass: f32, heap: usize): void {
  let size = 0;
  for (let i = 0; i < n; i++) {
    if (load<f32>(p + (<usize>i << 2)) <= 0) continue;
    store<i32>(heap + (<usize>size << 2), i);
    size++;
  }
  for (let i = (size >> 1) - 1; i >= 0; i--) sink(p, heap, i, size);
  let sum: f64 = 0;
  while (size > 0 && sum <= mass) {
    sum += load<f32>(p + (<usize>load<i32>(heap) << 2));
    size--;
    store<i32>(heap, load<i32>(heap + (<usize>size << 2)));
    sink(p, heap, 0, size);
  }
  for (let i = 0; i < size; i++) store<f32>(p + (<usize>load<i32>(heap + (<usize>i << 2)) << 2), 0);
}

/** Restores the heap of ids, likeliest on top, lower id first on a tie. */
function sink(p: usize, heap: usize, at: i32, size: i32): void {
  while (true) {
    let best = at;
    for (let child = 2 * at + 1; child <= 2 * at + 2; child++) {
      if (child < size && likelier(p, load<i32>(heap + (<usize>child << 2)), load<i32>(heap + (<usize>best << 2)))) {
        best = child;
      }
    }
    if (best == at) return;
    const id = load<i32>(heap + (<usize>at << 2));
    store<i32>(heap + (<usize>at << 2), load<i32>(heap + (<usize>best << 2)));
    store<i32>(heap + (<usize>best << 2), id);
    at = best;
  }
}

@inline
function likelier(p: usize, a: i32, b: i32): bool {
  const pa = load<f32>(p + (<usize>a << 2)), pb = load<f32>(p + (<usize>b << 2));
  return pa > pb || (pa == pb && a < b);
}

function draw(p: usize, n: i32, u: f32): i32 {
  let sum: f64 = 0, last = 0;
  for (let i = 0; i < n; i++) {
    const value = load<f32>(p + (<usize>i << 2));
    if (value == 0) continue;
    sum += value;
    last = i;
    if (sum > <f64>u) return i;
  }
  return last;
}

function mix(x: u32): u32 {
  x = (x ^ (x >> 16)) * 0x21f0aaad;
  x = (x ^ (x >> 15)) * 0xd35a2d97;
  return x ^ (x >> 15);
}

/** Draw `counter` of stream `seed`, as in core/sampling.ts. */
function uniform(seed: u32, counter: u32): f32 {
  return <f32>(mix(mix(seed) + (counter + 1) * 0x9e3779b9) >> 8) / <f32>16777216;
}
