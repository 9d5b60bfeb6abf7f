/**
 * Kernels that move rows and compute nothing: slice, takeRow, prepend, splice, patches, gatherRows, cacheWrite. A thread
 * takes a number.
 *
 * @module
 */
import { type Dispatch, extent, type Operands } from "../kernel.ts";
import { groupsFor, shader } from "../shader.ts";

/** y [B,n,D] = rows start … start + n of each x[b] [N,D]. */
export function slice({ x, y, start }: Operands<"slice">): Dispatch[] {
  return [shader({
    reads: { x },
    writes: { y },
    sizes: {
      count: y.count,
      part: extent(y, 1) * extent(y, 2),
      whole: extent(x, 1) * extent(x, 2),
      first: start * extent(x, 2),
    },
    groups: groupsFor(y.count),
    body: ({ x, y }) => `if (i < p.count) { ${y}[i] = ${x}[i / p.part * p.whole + p.first + i % p.part]; }`,
  })];
}

/** y [B,D] = row index[b] of each x[b] [T,D]. */
export function takeRow({ x, index, y }: Operands<"takeRow">): Dispatch[] {
  return [shader({
    reads: { x, index },
    writes: { y },
    sizes: { count: y.count, width: extent(x, 2), rows: extent(x, 1) },
    groups: groupsFor(y.count),
    body: ({ x, index, y }) => `
if (i >= p.count) { return; }
let b = i / p.width;
${y}[i] = ${x}[(b * p.rows + u32(${index}[b])) * p.width + i % p.width];`,
  })];
}

/** y [B,N+1,D] = row, then x[b]. */
export function prepend({ x, row, y }: Operands<"prepend">): Dispatch[] {
  return [shader({
    reads: { x, row },
    writes: { y },
    sizes: { count: y.count, width: extent(y, 2), whole: extent(y, 1) * extent(y, 2) },
    groups: groupsFor(y.count),
    body: ({ x, row, y }) => `
if (i >= p.count) { return; }
let b = i / p.whole;
let at = i % p.whole;
if (at < p.width) { ${y}[i] = ${row}[at]; } else { ${y}[i] = ${x}[b * (p.whole - p.width) + at - p.width]; }`,
  })];
}

/** y [B,T,D] = row index of features [M,D] where index ≥ 0, else hidden. */
export function splice({ hidden, features, index, y }: Operands<"splice">): Dispatch[] {
  return [shader({
    reads: { hidden, features, index },
    writes: { y },
    sizes: { count: y.count, width: extent(y, -1) },
    groups: groupsFor(y.count),
    body: ({ hidden, features, index, y }) => `
if (i >= p.count) { return; }
let source = ${index}[i / p.width];
if (source >= 0) { ${y}[i] = ${features}[u32(source) * p.width + i % p.width]; } else { ${y}[i] = ${hidden}[i]; }`,
  })];
}

/** y [B,N,c·P·P]: patches row by row, each channel by channel, as a convolution's weight [out,c,P,P] sees them. */
export function patches({ pixels, y, patch }: Operands<"patches">): Dispatch[] {
  const [channels, size] = [extent(pixels, 1), extent(pixels, 2)];
  return [shader({
    reads: { pixels },
    writes: { y },
    sizes: { count: y.count, channels, size, edge: patch, across: size / patch },
    groups: groupsFor(y.count),
    body: ({ pixels, y }) => `
if (i >= p.count) { return; }
let square = p.edge * p.edge;
let left = i % p.edge;
let top = i / p.edge % p.edge;
let channel = i / square % p.channels;
let n = i / (square * p.channels);
let inside = n % (p.across * p.across);
let b = n / (p.across * p.across);
let row = inside / p.across * p.edge + top;
let column = inside % p.across * p.edge + left;
${y}[i] = ${pixels}[((b * p.channels + channel) * p.size + row) * p.size + column];`,
  })];
}

/** y [R,D] = row order[r] / k of x [M,D], where k = R / M. */
export function gatherRows({ x, order, y }: Operands<"gatherRows">): Dispatch[] {
  return [shader({
    reads: { x, order },
    writes: { y },
    sizes: { count: y.count, width: extent(x, 1), k: order.count / extent(x, 0) },
    groups: groupsFor(y.count),
    body: ({ x, order, y }) => `
if (i >= p.count) { return; }
${y}[i] = ${x}[u32(${order}[i / p.width]) / p.k * p.width + i % p.width];`,
  })];
}

/** Positions start[b] … of row row[b] of cache [R,S,G,C] = x [B,T,G,C]; positions past S are dropped. */
export function cacheWrite({ x, start, row, cache }: Operands<"cacheWrite">): Dispatch[] {
  return [shader({
    reads: { x, start, row },
    writes: { cache },
    sizes: { count: x.count, width: extent(x, 2) * extent(x, 3), T: extent(x, 1), S: extent(cache, 1) },
    groups: groupsFor(x.count),
    body: ({ x, start, row, cache }) => `
if (i >= p.count) { return; }
let b = i / (p.width * p.T);
let place = u32(${start}[b]) + i / p.width % p.T;
if (place < p.S) { ${cache}[(${row ? `u32(${row}[b])` : "b"} * p.S + place) * p.width + i % p.width] = ${x}[i]; }`,
  })];
}
