// fill, add, scale, advance, gelu, swiglu: each thread owns a run of elements.
import { exp1, exp4, madd, share } from "./simd";

export function fill(y: usize, count: i32, value: f32, thread: i32, threads: i32): void {
  const end = share(count, 16, thread + 1, threads);
  for (let i = share(count, 16, thread, threads); i < end; i++) store<f32>(y + (<usize>i << 2), value);
}

/** y = a + b with b of `width` elements repeating; rows of that width are shared out. */
export function add(a: usize, b: usize, y: usize, count: i32, width: i32, thread: i32, threads: i32): void {
  if (width == count) {
    addRun(a, b, y, share(count, 16, thread, threads), share(count, 16, thread + 1, threads));
    return;
  }
  const rows = count / width;
  const last = share(rows, 1, thread + 1, threads);
  for (let row = share(rows, 1, thread, threads); row < last; row++) {
    const offset = (<usize>row * width) << 2;
    addRun(a + offset, b, y + offset, 0, width);
  }
}

function addRun(a: usize, b: usize, y: usize, from: i32, to: i32): void {
  let i = from;
  for (; i + 4 <= to; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, f32x4.add(v128.load(a + at), v128.load(b + at)));
  }
  for (; i < to; i++) {
    const at = <usize>i << 2;
    store<f32>(y + at, load<f32>(a + at) + load<f32>(b + at));
  }
}

export function scale(x: usize, y: usize, count: i32, factor: f32, thread: i32, threads: i32): void {
  const end = share(count, 16, thread + 1, threads);
  for (let i = share(count, 16, thread, threads); i < end; i++) {
    store<f32>(y + (<usize>i << 2), load<f32>(x + (<usize>i << 2)) * factor);
  }
}

export function advance(counter: usize, count: i32, by: i32): void {
  for (let i = 0; i < count; i++) store<i32>(counter + (<usize>i << 2), load<i32>(counter + (<usize>i << 2)) + by);
}

export function swiglu(gate: usize, up: usize, y: usize, count: i32, thread: i32, threads: i32): void {
  const end = share(count, 16, thread + 1, threads);
  const one = f32x4.splat(1);
  let i = share(count, 16, thread, threads);
  for (; i + 4 <= end; i += 4) {
    const at = <usize>i << 2;
    const g = v128.load(gate + at);
    const silu = f32x4.div(g, f32x4.add(one, exp4(f32x4.neg(g))));
    v128.store(y + at, f32x4.mul(silu, v128.load(up + at)));
  }
  for (; i < end; i++) {
    const at = <usize>i << 2;
    const g = load<f32>(gate + at);
    store<f32>(y + at, g / (1 + exp1(-g)) * load<f32>(up + at));
  }
}

// Constants of GELU, four times each.
const GELU = memory.data<f32>([
  1, 1, 1, 1,
  0.5, 0.5, 0.5, 0.5,
  -1.702, -1.702, -1.702, -1.702,
  0.044715, 0.044715, 0.044715, 0.044715,
  -1.5957691216057308, -1.5957691216057308, -1.5957691216057308, -1.5957691216057308,
], 16);

/** kind: 0 quick, 1 tanh, 2 erf. */
export function gelu(x: usize, y: usize, count: i32, kind: i32, thread: i32, threads: i32): void {
  const end = share(count, 16, thread + 1, threads);
  let i = share(count, 16, thread, threads);
  for (; i + 4 <= end; i += 4) {
    const at = <usize>i << 2;
    v128.store(y + at, gelu4(v128.load(x + at), kind));
  }
  for (; i < end; i++) {
    const at = <usize>i << 2;
    store<f32>(y + at, f32x4.extract_lane(gelu4(f32x4.splat(load<f32>(x + at)), kind), 0));
  }
}

@inline
function gelu4(v: v128, kind: i32): v128 {
  const one = v128.load(GELU);
  if (kind == 2) return f32x4.mul(f32x4.mul(v, v128.load(GELU, 16)), f32x4.add(one, erf4(v)));
  // x·σ(2u): quick has 2u = 1.702x, tanh has u = √(2/π)(x + 0.044715x³), since 1 + tanh u = 2σ(2u)
  let exponent: v128;
  if (kind == 0) {
    exponent = f32x4.mul(v, v128.load(GELU, 32));
  } else {
    const cubic = madd(f32x4.mul(f32x4.mul(v, v), v), v128.load(GELU, 48), v);
    exponent = f32x4.mul(cubic, v128.load(GELU, 64));
  }
  return f32x4.div(v, f32x4.add(one, exp4(exponent)));
}

// Constants of erf, four times each.
const ERF = memory.data<f32>([
  4, 4, 4, 4,
  -4, -4, -4, -4,
  0.7071067811865476, 0.7071067811865476, 0.7071067811865476, 0.7071067811865476,
  -2.72614225801306e-10, -2.72614225801306e-10, -2.72614225801306e-10, -2.72614225801306e-10,
  2.77068142495902e-08, 2.77068142495902e-08, 2.77068142495902e-08, 2.77068142495902e-08,
  -2.10102402082508e-06, -2.10102402082508e-06, -2.10102402082508e-06, -2.10102402082508e-06,
  -5.69250639462346e-05, -5.69250639462346e-05, -5.69250639462346e-05, -5.69250639462346e-05,
  -7.34990630326855e-04, -7.34990630326855e-04, -7.34990630326855e-04, -7.34990630326855e-04,
  -2.95459980854025e-03, -2.95459980854025e-03, -2.95459980854025e-03, -2.95459980854025e-03,
  -1.60960333262415e-02, -1.60960333262415e-02, -1.60960333262415e-02, -1.60960333262415e-02,
  -1.45660718464996e-05, -1.45660718464996e-05, -1.45660718464996e-05, -1.45660718464996e-05,
  -2.13374055278905e-04, -2.13374055278905e-04, -2.13374055278905e-04, -2.13374055278905e-04,
  -1.68282697438203e-03, -1.68282697438203e-03, -1.68282697438203e-03, -1.68282697438203e-03,
  -7.37332916720468e-03, -7.37332916720468e-03, -7.37332916720468e-03, -7.37332916720468e-03,
  -1.42647390514189e-02, -1.42647390514189e-02, -1.42647390514189e-02, -1.42647390514189e-02,
], 16);

/** erf(x/√2): rational approximation of erf on −4 … 4, as in Eigen. */
export function erf4(v: v128): v128 {
  const scaled = f32x4.mul(v, v128.load(ERF, 32));
  const x = f32x4.pmax(f32x4.pmin(scaled, v128.load(ERF)), v128.load(ERF, 16));
  const x2 = f32x4.mul(x, x);
  let p = madd(x2, v128.load(ERF, 48), v128.load(ERF, 64));
  p = madd(p, x2, v128.load(ERF, 80));
  p = madd(p, x2, v128.load(ERF, 96));
  p = madd(p, x2, v128.load(ERF, 112));
  p = madd(p, x2, v128.load(ERF, 128));
  p = madd(p, x2, v128.load(ERF, 144));
  let q = madd(x2, v128.load(ERF, 160), v128.load(ERF, 176));
  q = madd(q, x2, v128.load(ERF, 192));
  q = madd(q, x2, v128.load(ERF, 208));
  q = madd(q, x2, v128.load(ERF, 224));
  return f32x4.div(f32x4.mul(x, p), q);
}
