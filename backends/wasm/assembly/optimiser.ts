// sumOfSquares, clipFactor, adamw: element by element, in whatever layout the parameter has.
import { madd, share, sumLanes } from "./simd";

/** Parts a sum of squares is split into whatever the number of threads, so that it does not depend on it. */
const PARTS: i32 = 64;

/** partials [PARTS] f64 = Σ x² of each part. */
export function sumOfSquares(x: usize, partials: usize, count: i32, thread: i32, threads: i32): void {
  const last = share(PARTS, 1, thread + 1, threads);
  for (let part = share(PARTS, 1, thread, threads); part < last; part++) {
    const end = share(count, 16, part + 1, PARTS);
    let total: f64 = 0;
    for (let from = share(count, 16, part, PARTS); from < end; from += 4096) {
      total += squares(x + (<usize>from << 2), min(4096, end - from));
    }
    store<f64>(partials + (<usize>part << 3), total);
  }
}

function squares(x: usize, count: i32): f32 {
  let a = f32x4.splat(0), b = a;
  let i = 0;
  for (; i + 8 <= count; i += 8) {
    const u = v128.load(x + (<usize>i << 2)), v = v128.load(x + (<usize>i << 2), 16);
    a = madd(u, u, a);
    b = madd(v, v, b);
  }
  let total = sumLanes(f32x4.add(a, b));
  for (; i < count; i++) total += load<f32>(x + (<usize>i << 2)) * load<f32>(x + (<usize>i << 2));
  return total;
}

/** y [1] += the parts. */
export function addPartials(partials: usize, y: usize): void {
  let total: f64 = 0;
  for (let part = 0; part < PARTS; part++) total += load<f64>(partials + (<usize>part << 3));
  store<f32>(y, <f32>(load<f32>(y) + total));
}

/** clip [1] = min(1, limit / (√squares / scale + 1e-6)) / scale, scale 1 where it is absent; NaN when squares is not finite. */
export function clipFactor(squares: usize, limit: usize, scale: usize, clip: usize): void {
  const by: f32 = scale == 0 ? 1 : load<f32>(scale);
  const norm = sqrt<f32>(load<f32>(squares)) / by;
  const factor = load<f32>(limit) / (norm + <f32>1e-6);
  store<f32>(clip, norm < Infinity ? min<f32>(1, factor) / by : NaN);
}

/** AdamW on `count` elements; nothing changes when clip is not finite. */
export function adamw(
  gradient: usize, clip: usize, settings: usize, parameter: usize, mean: usize, variance: usize,
  count: i32, thread: i32, threads: i32,
): void {
  const factor = load<f32>(clip);
  if (!(abs<f32>(factor) < Infinity)) return;
  const rate: f64 = load<f32>(settings), beta1: f64 = load<f32>(settings, 4), beta2: f64 = load<f32>(settings, 8);
  const eps = load<f32>(settings, 12), decay: f64 = load<f32>(settings, 16), step: f64 = load<f32>(settings, 20);
  const size = <f32>(rate / (1 - power(beta1, step)));
  const root = <f32>(1 / sqrt<f64>(1 - power(beta2, step)));
  const keep = f32x4.splat(<f32>(1 - rate * decay)), clips = f32x4.splat(factor);
  const b1 = f32x4.splat(<f32>beta1), c1 = f32x4.splat(<f32>(1 - beta1));
  const b2 = f32x4.splat(<f32>beta2), c2 = f32x4.splat(<f32>(1 - beta2));
  const roots = f32x4.splat(root), epsilons = f32x4.splat(eps), sizes = f32x4.splat(size);
  const end = share(count, 16, thread + 1, threads);
  for (let i = share(count, 16, thread, threads); i < end; i += 4) {
    const at = <usize>i << 2;
    const g = f32x4.mul(v128.load(gradient + at), clips);
    const m = f32x4.add(f32x4.mul(v128.load(mean + at), b1), f32x4.mul(g, c1));
    const v = f32x4.add(f32x4.mul(v128.load(variance + at), b2), f32x4.mul(f32x4.mul(g, g), c2));
    const denominator = f32x4.add(f32x4.mul(f32x4.sqrt(v), roots), epsilons);
    const p = f32x4.sub(f32x4.mul(v128.load(parameter + at), keep), f32x4.mul(f32x4.div(m, denominator), sizes));
    storeLanes(mean + at, m, end - i);
    storeLanes(variance + at, v, end - i);
    storeLanes(parameter + at, p, end - i);
  }
}

@inline
function storeLanes(at: usize, v: v128, lanes: i32): void {
  if (lanes >= 4) {
    v128.store(at, v);
    return;
  }
  store<f32>(at, f32x4.extract_lane(v, 0));
  if (lanes > 1) store<f32>(at, f32x4.extract_lane(v, 1), 4);
  if (lanes > 2) store<f32>(at, f32x4.extract_lane(v, 2), 8);
}

/** base to a whole exponent, by squaring. */
function power(base: f64, exponent: f64): f64 {
  let result: f64 = 1;
  for (let n = <i32>exponent; n > 0; n >>= 1) {
    if (n & 1) result *= base;
    base *= base;
  }
  return result;
}
