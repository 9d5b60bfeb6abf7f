// The tile that every matrix product is made of: c [h][8] = from [h][8] + a [k][h] · b [k][8] with h 4 or 5.
//
// Four rows of a lie in one vector. It is multiplied as it is with columns 0–3 and 4–7 of b, then turned by one lane,
// two, three: accumulator `t` holds in lane i row (i + t) % 4 of column i. That takes three shuffles per k where
// spreading each row over a vector takes four, and shuffles compete with multiply-adds. The fifth row, spread as it is
// loaded, shares the loads of b. More does not fit: V8 has 15 registers.
//
// Every element of c is one chain of multiply-adds over k in order, so its bits do not depend on the tile it is in.
// The loops are not unrolled and count in `a` alone: Binaryen would nest the chains of unrolled ones, at half the
// speed, and under Deno every load has its bounds checked, which leaves no room for another counter.
import { madd } from "./simd";

/** Eight zeros to start from. */
const ZEROS = memory.data<f32>([0, 0, 0, 0, 0, 0, 0, 0], 16);

/** Where a tile starts from when there is nothing to add to; the step between its rows is 0. */
@inline
export function zeros(): usize {
  return ZEROS;
}

/** Rows of `rows` that go into tiles of five; they come first. The rest go into tiles of four, full ones if possible. */
export function rowsInFives(rows: i32): i32 {
  const tiles = (rows + 4) / 5, short = tiles * 5 - rows;
  return short <= tiles ? (tiles - short) * 5 : 0;
}

/** Lanes 0 and 2 of a, 1 and 3 of b. */
@inline
function mix(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 5, 2, 7);
}

/** Lanes 0 and 1 of a, 2 and 3 of b. */
@inline
function halves(a: v128, b: v128): v128 {
  return v128.shuffle<f32>(a, b, 0, 1, 6, 7);
}

/** c [4][8] = from + a [k][4] · b [k][8]; steps are bytes from row to row. */
export function tile4(a: usize, b: usize, stepB: usize, k: i32, from: usize, stepFrom: usize, c: usize, stepC: usize): void {
  tile(4, a, b, stepB, k, from, stepFrom, c, stepC);
}

/** c [5][8] = from + a [k][5] · b [k][8]; steps are bytes from row to row. */
export function tile5(a: usize, b: usize, stepB: usize, k: i32, from: usize, stepFrom: usize, c: usize, stepC: usize): void {
  tile(5, a, b, stepB, k, from, stepFrom, c, stepC);
}

@inline
function tile(
  height: i32, a: usize, b: usize, stepB: usize, k: i32, from: usize, stepFrom: usize, c: usize, stepC: usize,
): void {
  let x0 = v128.load(from), y0 = v128.load(from, 16);
  from += stepFrom;
  let x1 = v128.load(from), y1 = v128.load(from, 16);
  from += stepFrom;
  let x2 = v128.load(from), y2 = v128.load(from, 16);
  from += stepFrom;
  let x3 = v128.load(from), y3 = v128.load(from, 16);
  let x4 = x3, y4 = y3;
  if (height == 5) {
    from += stepFrom;
    x4 = v128.load(from);
    y4 = v128.load(from, 16);
  }
  let p = halves(x0, x2), q = halves(x1, x3), r = halves(x2, x0), s = halves(x3, x1);
  x0 = mix(p, q);
  x1 = mix(q, r);
  x2 = mix(r, s);
  x3 = mix(s, p);
  p = halves(y0, y2);
  q = halves(y1, y3);
  r = halves(y2, y0);
  s = halves(y3, y1);
  y0 = mix(p, q);
  y1 = mix(q, r);
  y2 = mix(r, s);
  y3 = mix(s, p);
  const bytes = <usize>height << 2;
  for (const end = a + <usize>k * bytes; a < end; a += bytes, b += stepB) {
    const b0 = v128.load(b), b1 = v128.load(b, 16), rows = v128.load(a);
    x0 = madd(rows, b0, x0);
    y0 = madd(rows, b1, y0);
    let turned = v128.shuffle<f32>(rows, rows, 1, 2, 3, 0);
    x1 = madd(turned, b0, x1);
    y1 = madd(turned, b1, y1);
    turned = v128.shuffle<f32>(rows, rows, 2, 3, 0, 1);
    x2 = madd(turned, b0, x2);
    y2 = madd(turned, b1, y2);
    turned = v128.shuffle<f32>(rows, rows, 3, 0, 1, 2);
    x3 = madd(turned, b0, x3);
    y3 = madd(turned, b1, y3);
    if (height == 5) {
      const fifth = v128.load32_splat(a, 16);
      x4 = madd(fifth, b0, x4);
      y4 = madd(fifth, b1, y4);
    }
  }
  store4(c, stepC, x0, x1, x2, x3);
  store4(c + 16, stepC, y0, y1, y2, y3);
  if (height == 5) {
    c += stepC << 2;
    v128.store(c, x4);
    v128.store(c, y4, 16);
  }
}

/** Four rows of four columns from their accumulators. */
@inline
function store4(c: usize, step: usize, t0: v128, t1: v128, t2: v128, t3: v128): void {
  const p = halves(t0, t2), q = halves(t1, t3), r = halves(t2, t0), s = halves(t3, t1);
  v128.store(c, mix(p, s));
  c += step;
  v128.store(c, mix(q, p));
  c += step;
  v128.store(c, mix(r, q));
  c += step;
  v128.store(c, mix(s, r));
}

/** `height` (4 or 5) rows of k numbers, `stride` bytes apart, as [k][height]; past `rows` the last one is repeated. */
export function packTile(x: usize, stride: usize, rows: i32, height: i32, k: i32, to: usize): void {
  const step = <usize>height << 2;
  packFour(x, stride, rows, k, to, step);
  if (height == 4) return;
  let from = x + <usize>(min(5, rows) - 1) * stride;
  to += 16;
  for (const end = to + <usize>k * step; to < end; to += step, from += 4) store<f32>(to, load<f32>(from));
}

/** Four rows of k numbers, `stride` bytes apart, as k vectors, `step` bytes apart; past `rows` the last one is repeated. */
export function packFour(x: usize, stride: usize, rows: i32, k: i32, to: usize, step: usize): void {
  const r0 = x, r1 = rows > 1 ? r0 + stride : r0, r2 = rows > 2 ? r1 + stride : r1, r3 = rows > 3 ? r2 + stride : r2;
  const bytes = <usize>k << 2;
  let i: usize = 0;
  for (; i + 16 <= bytes; i += 16) {
    const a = v128.load(r0 + i), b = v128.load(r1 + i), c = v128.load(r2 + i), d = v128.load(r3 + i);
    const ab0 = v128.shuffle<f32>(a, b, 0, 4, 1, 5), ab1 = v128.shuffle<f32>(a, b, 2, 6, 3, 7);
    const cd0 = v128.shuffle<f32>(c, d, 0, 4, 1, 5), cd1 = v128.shuffle<f32>(c, d, 2, 6, 3, 7);
    v128.store(to, v128.shuffle<f32>(ab0, cd0, 0, 1, 4, 5));
    to += step;
    v128.store(to, v128.shuffle<f32>(ab0, cd0, 2, 3, 6, 7));
    to += step;
    v128.store(to, v128.shuffle<f32>(ab1, cd1, 0, 1, 4, 5));
    to += step;
    v128.store(to, v128.shuffle<f32>(ab1, cd1, 2, 3, 6, 7));
    to += step;
  }
  for (; i < bytes; i += 4, to += step) {
    store<f32>(to, load<f32>(r0 + i));
    store<f32>(to, load<f32>(r1 + i), 4);
    store<f32>(to, load<f32>(r2 + i), 8);
    store<f32>(to, load<f32>(r3 + i), 12);
  }
}

/** The first `width` (4, 5 or 8) numbers of m rows, `stride` numbers apart, as [m][width]; past `there` they are zero. */
export function packColumns(x: usize, stride: i32, m: i32, there: i32, width: i32, to: usize): void {
  const skip = <usize>stride << 2, step = <usize>width << 2;
  for (const end = to + <usize>m * step; to < end; to += step, x += skip) {
    if (there >= width) {
      v128.store(to, v128.load(x));
      if (width == 8) v128.store(to, v128.load(x, 16), 16);
      else if (width == 5) store<f32>(to, load<f32>(x, 16), 16);
    } else {
      for (let c = 0; c < width; c++) store<f32>(to + (<usize>c << 2), c < there ? load<f32>(x + (<usize>c << 2)) : <f32>0);
    }
  }
}
