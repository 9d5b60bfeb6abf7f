// crossEntropy with the head inside, so that only a few rows of logits exist at a time; squaredError,
// meanLoss.
import { product } from "./gemm";
import { exp4, madd, maxLanes, share, sumLanes } from "./simd";

/** Rows whose logits a thread holds at once; the head is streamed once per block. */
const BLOCK: i32 = 64;

/**
 * loss [M]. The head is only computed for rows with a target, which are gathered: of a conversation about an image most
 * have none. Scratch: BLOCK packed rows, BLOCK rows as they are, BLOCK rows of padded logits, BLOCK row numbers.
 */
export function crossEntropy(
  hidden: usize, weight: usize, target: usize, loss: usize,
  m: i32, n: i32, k: i32, scratch: usize, thread: i32, threads: i32,
): void {
  const last = share(m, 1, thread + 1, threads);
  const padded = (n + 7) & ~7, bytes = <usize>k << 2;
  const states = scratch + BLOCK * bytes;
  const logits = states + BLOCK * bytes;
  const numbers = logits + ((<usize>BLOCK * padded) << 2);
  let row = share(m, 1, thread, threads);
  while (row < last) {
    let rows = 0;
    for (; row < last && rows < BLOCK; row++) {
      if (load<i32>(target + (<usize>row << 2)) < 0) {
        store<f32>(loss + (<usize>row << 2), 0);
        continue;
      }
      memory.copy(states + rows * bytes, hidden + row * bytes, bytes);
      store<i32>(numbers + (<usize>rows << 2), row);
      rows++;
    }
    if (rows == 0) break;
    product(states, weight, 0, logits, rows, padded, k, 0, padded >> 3, scratch);
    for (let r = 0; r < rows; r++) {
      const own = <usize>load<i32>(numbers + (<usize>r << 2)) << 2;
      const at = logits + ((<usize>r * padded) << 2);
      const id = load<i32>(target + own);
      store<f32>(loss + own, logSumExp(at, n, padded) - load<f32>(at + (<usize>id << 2)));
    }
  }
}

/** log Σ exp of n numbers; the row has room for `padded`. */
function logSumExp(row: usize, n: i32, padded: i32): f32 {
  for (let i = n; i < padded; i++) store<f32>(row + (<usize>i << 2), -Infinity);
  let largest = f32x4.splat(-Infinity);
  for (let i = 0; i < padded; i += 4) largest = f32x4.max(largest, v128.load(row + (<usize>i << 2)));
  const top = maxLanes(largest);
  const tops = f32x4.splat(top);
  let sum = f32x4.splat(0);
  for (let i = 0; i < padded; i += 4) sum = f32x4.add(sum, exp4(f32x4.sub(v128.load(row + (<usize>i << 2)), tops)));
  return top + log1(sumLanes(sum));
}

/** ln x for x ≥ 1, in f64: one call a row. ln x = 2·atanh((m − 1) / (m + 1)) + e·ln 2 with m in √½ … √2. */
function log1(x: f32): f32 {
  const bits = reinterpret<i64>(<f64>x);
  let e = <i32>(bits >> 52) - 1023;
  let m = reinterpret<f64>((bits & 0xfffffffffffff) | (<i64>1023 << 52));
  if (m > 1.4142135623730951) {
    m *= 0.5;
    e++;
  }
  const z = (m - 1) / (m + 1), z2 = z * z;
  let p: f64 = 1.0 / 17;
  for (let i = 15; i > 0; i -= 2) p = p * z2 + 1.0 / <f64>i;
  return <f32>(2 * z * p + <f64>e * 0.6931471805599453);
}

/** y [1] = Σ loss / number of targets ≥ 0. */
export function meanLoss(loss: usize, target: usize, y: usize, m: i32): void {
  let sum: f64 = 0, count = 0;
  for (let i = 0; i < m; i++) {
    if (load<i32>(target + (<usize>i << 2)) < 0) continue;
    sum += load<f32>(loss + (<usize>i << 2));
    count++;
  }
  store<f32>(y, count == 0 ? <f32>0 : <f32>(sum / count));
}

/** loss [M] = mean over `width` of (a − b)²; threads own rows. */
export function squaredError(a: usize, b: usize, loss: usize, m: i32, width: i32, thread: i32, threads: i32): void {
  const last = share(m, 1, thread + 1, threads);
  for (let row = share(m, 1, thread, threads); row < last; row++) {
    const offset = (<usize>row * width) << 2;
    const x = a + offset, y = b + offset;
    let sum4 = f32x4.splat(0);
    let i = 0;
    for (; i + 4 <= width; i += 4) {
      const difference = f32x4.sub(v128.load(x + (<usize>i << 2)), v128.load(y + (<usize>i << 2)));
      sum4 = madd(difference, difference, sum4);
    }
    let sum = sumLanes(sum4);
    for (; i < width; i++) {
      const difference = load<f32>(x + (<usize>i << 2)) - load<f32>(y + (<usize>i << 2));
      sum += difference * difference;
    }
    store<f32>(loss + (<usize>row << 2), sum / <f32>width);
  }
}
