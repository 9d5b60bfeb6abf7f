// accumulate, sliceBackward, prependBackward, geluBackward, swigluBackward, spliceBackward, gatherRowsBackward.
import { erf4 } from "./elementwise";
import { exp4, madd, share } from "./simd";

/** y [width] += factor · Σ rows of x [rows,width]; threads own columns. */
export function accumulate(x: usize, y: usize, rows: i32, width: i32, factor: f32, thread: i32, threads: i32): void {
  const last = share(width, 16, thread + 1, threads);
  const factors = f32x4.splat(factor);
  const stride = <usize>width << 2;
  let i = share(width, 16, thread, threads);
  for (; i + 4 <= last; i += 4) {
    let from = x + (<usize>i << 2);
    let sum = f32x4.splat(0);
    for (let row = 0; row < rows; row++) {
      sum = f32x4.add(sum, v128.load(from));
      from += stride;
    }
    const at = y + (<usize>i << 2);
    v128.store(at, madd(sum, factors, v128.load(at)));
  }
  for (; i < last; i++) {
    let from = x + (<usize>i << 2);
    let sum: f32 = 0;
    for (let row = 0; row < rows; row++) {
      sum += load<f32>(from);
      from += stride;
    }
    const at = y + (<usize>i << 2);
    store<f32>(at, load<f32>(at) + sum * factor);
  }
}

/** y += x, `count` numbers. */
@inline
export function addTo(x: usize, y: usize, count: i32): void {
  let i = 0;
  for (; i + 4 <= count; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, f32x4.add(v128.load(y + at), v128.load(x + at)));
  }
  for (; i < count; i++) {
    const at = <usize>i << 2;
    store<f32>(y + at, load<f32>(y + at) + load<f32>(x + at));
  }
}

/** dx [B,N,D], rows start … += dy [B,n,D]. */
export function sliceBackward(dy: usize, dx: usize, batch: i32, rows: i32, from: i32, count: i32, width: i32): void {
  for (let b = 0; b < batch; b++) {
    const to = dx + ((<usize>(b * rows + from) * width) << 2);
    addTo(dy + ((<usize>(b * count) * width) << 2), to, count * width);
  }
}

/** dx [B,N,D] and drow [D] from dy [B,N+1,D]; either may be absent. */
export function prependBackward(dy: usize, dx: usize, drow: usize, batch: i32, rows: i32, width: i32): void {
  for (let b = 0; b < batch; b++) {
    const from = dy + ((<usize>(b * (rows + 1)) * width) << 2);
    if (drow != 0) addTo(from, drow, width);
    if (dx != 0) addTo(from + (<usize>width << 2), dx + ((<usize>(b * rows) * width) << 2), rows * width);
  }
}

/** dhidden [M,D] by rows; dfeatures by columns, for rows may repeat. Either may be absent. */
export function spliceBackward(
  index: usize, dy: usize, dhidden: usize, dfeatures: usize, rows: i32, width: i32, thread: i32, threads: i32,
): void {
  const bytes = <usize>width << 2;
  if (dhidden != 0) {
    const last = share(rows, 1, thread + 1, threads);
    for (let row = share(rows, 1, thread, threads); row < last; row++) {
      if (load<i32>(index + (<usize>row << 2)) >= 0) continue;
      addTo(dy + <usize>row * bytes, dhidden + <usize>row * bytes, width);
    }
  }
  if (dfeatures == 0) return;
  const first = share(width, 4, thread, threads), count = share(width, 4, thread + 1, threads) - first;
  for (let row = 0; row < rows; row++) {
    const to = load<i32>(index + (<usize>row << 2));
    if (to < 0) continue;
    addTo(dy + <usize>row * bytes + (<usize>first << 2), dfeatures + <usize>to * bytes + (<usize>first << 2), count);
  }
}

/** dx [M,D], rows order[r] / k += dy [R,D]; threads own rows of dx. */
export function gatherRowsBackward(
  order: usize, dy: usize, dx: usize, count: i32, k: i32, width: i32, thread: i32, threads: i32,
): void {
  const rows = count / k;
  const first = share(rows, 1, thread, threads), last = share(rows, 1, thread + 1, threads);
  for (let r = 0; r < count; r++) {
    const token = load<i32>(order + (<usize>r << 2)) / k;
    if (token < first || token >= last) continue;
    addTo(dy + ((<usize>r * width) << 2), dx + ((<usize>token * width) << 2), width);
  }
}

export function swigluBackward(
  gate: usize, up: usize, dy: usize, dgate: usize, dup: usize, count: i32, thread: i32, threads: i32,
): void {
  const end = share(count, 16, thread + 1, threads);
  let i = share(count, 16, thread, threads);
  for (; i + 4 <= end; i += 4) {
    const at = <usize>i << 2;
    swiglu4(gate + at, up + at, dy + at, dgate + at, dup + at);
  }
  if (i < end) swigluRest(gate, up, dy, dgate, dup, i, end);
}

/** d silu = σ + g·σ·(1 − σ) = σ·(1 + g·(1 − σ)). */
@inline
function swiglu4(gate: usize, up: usize, dy: usize, dgate: usize, dup: usize): void {
  const one = f32x4.splat(1);
  const g = v128.load(gate), d = v128.load(dy);
  const sigma = f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(g))));
  const slope = f32x4.mul(sigma, madd(g, f32x4.sub(one, sigma), one));
  v128.store(dgate, madd(f32x4.mul(d, v128.load(up)), slope, v128.load(dgate)));
  v128.store(dup, madd(d, f32x4.mul(g, sigma), v128.load(dup)));
}

/** The last few elements, through copies of four. */
function swigluRest(gate: usize, up: usize, dy: usize, dgate: usize, dup: usize, from: i32, end: i32): void {
  for (let i = from; i < end; i++) {
    const at = <usize>i << 2;
    const g = load<f32>(gate + at), d = load<f32>(dy + at);
    const sigma: f32 = 1 / (1 + f32x4.extract_lane(exp4(f32x4.splat(-g)), 0));
    store<f32>(dgate + at, load<f32>(dgate + at) + d * load<f32>(up + at) * sigma * (1 + g * (1 - sigma)));
    store<f32>(dup + at, load<f32>(dup + at) + d * g * sigma);
  }
}

/** kind: 0 quick, 1 tanh, 2 erf. */
export function geluBackward(x: usize, dy: usize, dx: usize, count: i32, kind: i32, thread: i32, threads: i32): void {
  const end = share(count, 16, thread + 1, threads);
  let i = share(count, 16, thread, threads);
  for (; i + 4 <= end; i += 4) {
    const at = <usize>i << 2;
    v128.store(dx + at, madd(geluSlope(v128.load(x + at), kind), v128.load(dy + at), v128.load(dx + at)));
  }
  for (; i < end; i++) {
    const at = <usize>i << 2;
    const slope = f32x4.extract_lane(geluSlope(f32x4.splat(load<f32>(x + at)), kind), 0);
    store<f32>(dx + at, load<f32>(dx + at) + slope * load<f32>(dy + at));
  }
}

/** Derivative of gelu: of x·σ(a(x)) it is σ + x·σ·(1 − σ)·a′; of the erf kind Φ + x·φ. */
function geluSlope(v: v128, kind: i32): v128 {
  const one = f32x4.splat(1);
  if (kind == 2) {
    const density = f32x4.mul(
      exp4(f32x4.mul(f32x4.mul(v, v), f32x4.splat(-0.5))), f32x4.splat(0.3989422804014327),
    );
    const half = f32x4.mul(f32x4.add(one, erf4(v)), f32x4.splat(0.5));
    return madd(v, density, half);
  }
  let argument: v128, slope: v128;
  if (kind == 0) {
    argument = f32x4.mul(v, f32x4.splat(1.702));
    slope = f32x4.splat(1.702);
  } else {
    const v2 = f32x4.mul(v, v);
    argument = f32x4.mul(madd(f32x4.mul(v2, v), f32x4.splat(0.044715), v), f32x4.splat(1.5957691216057308));
    slope = f32x4.mul(madd(v2, f32x4.splat(0.134145), one), f32x4.splat(1.5957691216057308));
  }
  const sigma = f32x4.div(one, f32x4.add(one, exp4(f32x4.neg(argument))));
  const inner = f32x4.mul(f32x4.mul(v, slope), f32x4.sub(one, sigma));
  return f32x4.mul(sigma, f32x4.add(one, inner));
}
