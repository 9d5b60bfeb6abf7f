/**
 * Mixture of experts: route, dispatch, combine, balanceLoss.
 *
 * @module
 */
import { type Dispatch, extent, type Lowering, type Operands, type Value } from "../kernel.ts";
import { groupsFor, shader, THREADS } from "../shader.ts";
import { expOf, sumOver } from "../wgsl.ts";

/** scores [M,E] = softmax(logits); the k largest of each row, the lower index first on a tie. A thread takes a row. */
export function route({ logits, scores, weight, expert, normalise }: Operands<"route">): Dispatch[] {
  const [M, E, k] = [extent(logits, 0), extent(logits, 1), extent(weight, 1)];
  return [shader({
    reads: { logits },
    writes: { scores, weight, expert },
    sizes: { M, E, k },
    groups: groupsFor(M),
    head: () => expOf("f32"),
    body: ({ logits, scores, weight, expert }) => `
if (i >= p.M) { return; }
let row = i * p.E;
var top = ${logits}[row];
for (var e = 1u; e < p.E; e++) { top = max(top, ${logits}[row + e]); }
var total = 0.0;
for (var e = 0u; e < p.E; e++) { total += exp_(${logits}[row + e] - top); }
for (var e = 0u; e < p.E; e++) { ${scores}[row + e] = exp_(${logits}[row + e] - top) / total; }
var limit = 3.4e38;
var last = -1;
var chosen = ${normalise ? "1e-20" : "1.0"};
for (var j = 0u; j < p.k; j++) {
  // The best of those that come after the last one, by logit: two that differ may have scores that do not.
  var best = -1;
  for (var e = 0; e < i32(p.E); e++) {
    let logit = ${logits}[row + u32(e)];
    let after = logit < limit || (logit == limit && e > last);
    if (after && (best < 0 || logit > ${logits}[row + u32(best)])) { best = e; }
  }
  last = best;
  limit = ${logits}[row + u32(best)];
  ${expert}[i * p.k + j] = best;
  ${weight}[i * p.k + j] = ${scores}[row + u32(best)];
  ${normalise ? `chosen += ${scores}[row + u32(best)];` : ""}
}
for (var j = 0u; j < p.k; j++) { ${weight}[i * p.k + j] /= chosen; }`,
  })];
}

/**
 * order [R] = choices sorted by expert, earlier ones first; offsets [E+1] = where each expert's begin. One workgroup, each
 * thread with a run of choices that it counts before it places them.
 */
export function dispatch({ expert, order, offsets }: Operands<"dispatch">): Dispatch[] {
  const R = expert.count, threads = 256;
  return [shader({
    reads: { expert },
    writes: { order, offsets },
    sizes: { R, E: offsets.count - 1, run: Math.ceil(R / threads) },
    threads,
    groups: 1,
    head: () => `var<workgroup> counts: array<u32, ${threads}>;`,
    body: ({ expert, order, offsets }) => `
let first = min(lane * p.run, p.R);
let end = min(first + p.run, p.R);
var begin = 0u;
for (var e = 0u; e < p.E; e++) {
  var count = 0u;
  for (var r = first; r < end; r++) { count += select(0u, 1u, u32(${expert}[r]) == e); }
  counts[lane] = count;
  workgroupBarrier();
  var place = begin;
  var all = 0u;
  for (var j = 0u; j < ${threads}u; j++) {
    if (j < lane) { place += counts[j]; }
    all += counts[j];
  }
  workgroupBarrier();
  for (var r = first; r < end; r++) {
    if (u32(${expert}[r]) == e) { ${order}[place] = i32(r); place++; }
  }
  if (lane == 0u) { ${offsets}[e] = i32(begin); }
  begin += all;
}
if (lane == 0u) { ${offsets}[p.E] = i32(begin); }`,
  })];
}

/** y [M,D] = Σ over the k choices of a row of weight · the choice's row of x [R,D]. */
export function combine({ x, order, weight, y }: Operands<"combine">, { scratch }: Lowering): Dispatch[] {
  const [k, width] = [extent(weight, 1), extent(x, 1)];
  const places: Value = { ...scratch(order.count), dtype: "i32" };
  return [
    shader({
      reads: { order },
      writes: { places },
      sizes: { count: order.count },
      groups: groupsFor(order.count),
      body: ({ order, places }) => `if (i < p.count) { ${places}[u32(${order}[i])] = i32(i); }`,
    }),
    shader({
      reads: { x, places, weight },
      writes: { y },
      sizes: { count: y.count, width, k },
      groups: groupsFor(y.count),
      body: ({ x, places, weight, y }) => `
if (i >= p.count) { return; }
let column = i % p.width;
var sum = 0.0;
for (var choice = i / p.width * p.k; choice < (i / p.width + 1u) * p.k; choice++) {
  sum += ${weight}[choice] * ${x}[u32(${places}[choice]) * p.width + column];
}
${y}[i] = sum;`,
    }),
  ];
}

/** y [1] = factor · mean over groups of Σₑ (choices of e / tokens) · mean score of e. One workgroup. */
export function balanceLoss({ scores, expert, y, factor, perRow }: Operands<"balanceLoss">): Dispatch[] {
  const [B, T, E] = [extent(scores, 0), extent(scores, 1), extent(scores, 2)];
  const parts = perRow ? B : 1, tokens = B * T / parts;
  return [shader({
    reads: { scores, expert },
    writes: { y },
    sizes: { parts, E, tokens, choices: expert.count / parts },
    factors: { share: factor / parts / tokens / tokens },
    groups: 1,
    head: () => sumOver(THREADS),
    body: ({ scores, expert, y }) => `
var total = 0.0;
for (var part = 0u; part < p.parts; part++) {
  for (var e = 0u; e < p.E; e++) {
    var count = 0.0;
    for (var c = lane; c < p.choices; c += ${THREADS}u) {
      count += select(0.0, 1.0, u32(${expert}[part * p.choices + c]) == e);
    }
    var score = 0.0;
    for (var t = lane; t < p.tokens; t += ${THREADS}u) { score += ${scores}[(part * p.tokens + t) * p.E + e]; }
    total += sum_(lane, count) * sum_(lane, score);
  }
}
if (lane == 0u) { ${y}[0] = p.share * total; }`,
  })];
}
