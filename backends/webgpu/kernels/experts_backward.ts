/**
 * Backward of the mixture of experts: routeBackward, combineBackward, balanceLossBackward.
 *
 * @module
 */
import { type Dispatch, extent, type Operands } from "../kernel.ts";
import { groupsFor, shader, THREADS } from "../shader.ts";
import { sumOver } from "../wgsl.ts";

/**
 * dlogits [M,E] from dscores [M,E] and dweight [M,k]. The k chosen weights are scores, divided by their sum S when
 * `normalise`: dscore of a choice += (dweight − Σ dweight · weight) / S. Then through the softmax. A thread takes a row.
 */
export function routeBackward(operands: Operands<"routeBackward">): Dispatch[] {
  const { scores, weight, expert, dscores, dweight, dlogits, normalise } = operands;
  const [M, E, k] = [extent(scores, 0), extent(scores, 1), extent(weight, 1)];
  return [shader({
    reads: { scores, weight, expert, dscores, dweight },
    writes: { dlogits },
    sizes: { M, E, k },
    groups: groupsFor(M),
    head: ({ expert, dscores, dweight }) => `
fn slope(row: u32, e: u32, mean: f32, total: f32) -> f32 {
  var sum = ${dscores ? `${dscores}[row * p.E + e]` : "0.0"};
  ${
      dweight && `for (var c = row * p.k; c < (row + 1u) * p.k; c++) {
    if (u32(${expert}[c]) == e) { sum += (${dweight}[c] - mean) / total; }
  }`
    }
  return sum;
}`,
    body: ({ scores, weight, expert, dweight, dlogits }) => `
if (i >= p.M) { return; }
var total = 1.0;
var mean = 0.0;
${
      normalise && dweight
        ? `total = 1e-20;
for (var c = i * p.k; c < (i + 1u) * p.k; c++) {
  total += ${scores}[i * p.E + u32(${expert}[c])];
  mean += ${dweight}[c] * ${weight}[c];
}`
        : ""
    }
var pull = 0.0;
for (var e = 0u; e < p.E; e++) { pull += slope(i, e, mean, total) * ${scores}[i * p.E + e]; }
for (var e = 0u; e < p.E; e++) {
  ${dlogits}[i * p.E + e] += ${scores}[i * p.E + e] * (slope(i, e, mean, total) - pull);
}`,
  })];
}

/** dx [R,D] += weight · dy [M,D] of the row's token; dweight [M,k] += x · dy. */
export function combineBackward({ x, order, weight, dy, dx, dweight }: Operands<"combineBackward">): Dispatch[] {
  const [k, width] = [extent(weight, 1), extent(x, 1)];
  const dispatches: Dispatch[] = [];
  if (dx !== undefined) {
    dispatches.push(shader({
      reads: { order, weight, dy },
      writes: { dx },
      sizes: { count: dx.count, width, k },
      groups: groupsFor(dx.count),
      body: ({ order, weight, dy, dx }) => `
if (i >= p.count) { return; }
let choice = u32(${order}[i / p.width]);
${dx}[i] += ${weight}[choice] * ${dy}[choice / p.k * p.width + i % p.width];`,
    }));
  }
  if (dweight !== undefined) {
    dispatches.push(shader({
      reads: { x, order, dy },
      writes: { dweight },
      sizes: { width, k },
      groups: order.count,
      head: () => sumOver(THREADS),
      body: ({ x, order, dy, dweight }) => `
let choice = u32(${order}[group]);
var share = 0.0;
for (var c = lane; c < p.width; c += ${THREADS}u) {
  share += ${x}[group * p.width + c] * ${dy}[choice / p.k * p.width + c];
}
let sum = sum_(lane, share);
if (lane == 0u) { ${dweight}[choice] += sum; }`,
    }));
  }
  return dispatches;
}

/** dscores [B,T,E] += factor · dy · choices of e / tokens² / groups. A workgroup takes an expert of a group. */
export function balanceLossBackward(
  { expert, dy, dscores, factor, perRow }: Operands<"balanceLossBackward">,
): Dispatch[] {
  const [B, T, E] = [extent(dscores, 0), extent(dscores, 1), extent(dscores, 2)];
  const parts = perRow ? B : 1, tokens = B * T / parts;
  return [shader({
    reads: { expert, dy },
    writes: { dscores },
    sizes: { E, tokens, choices: expert.count / parts },
    factors: { share: factor / parts / tokens / tokens },
    groups: parts * E,
    head: () => sumOver(THREADS),
    body: ({ expert, dy, dscores }) => `
let part = group / p.E;
let e = group % p.E;
var count = 0.0;
for (var c = lane; c < p.choices; c += ${THREADS}u) {
  count += select(0.0, 1.0, u32(${expert}[part * p.choices + c]) == e);
}
let slope = p.share * ${dy}[0] * sum_(lane, count);
for (var t = lane; t < p.tokens; t += ${THREADS}u) { ${dscores}[(part * p.tokens + t) * p.E + e] += slope; }`,
  })];
}
