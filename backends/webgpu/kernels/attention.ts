/**
 * Position and attention: rope, attention.
 *
 * @module
 */
import { type Dispatch, extent, type Operands } from "../kernel.ts";
import { groupsFor, shader, THREADS } from "../shader.ts";
import { expOf } from "../wgsl.ts";
import {
  addProduct,
  declareHeads,
  eachMember,
  eachSum,
  fillHeads,
  maskFunction,
  tileOf,
  UNSEEN,
} from "./attention_parts.ts";

/** Queries of a tile, where there are as many. */
export const TILE = 4;

/** y [B,T,H,C] = x with pair (i, i + C/2) turned by the angle of its position (Su et al. 2021, halves convention). */
export function rope({ x, cos, sin, start, position, y }: Operands<"rope">): Dispatch[] {
  const [T, H, C] = [extent(x, 1), extent(x, 2), extent(x, 3)];
  return [shader({
    reads: { x, cos, sin, start, position },
    writes: { y },
    sizes: { count: x.count / 2, half: C / 2, H, T, last: extent(cos, 0) - 1 },
    groups: groupsFor(x.count / 2),
    body: ({ x, cos, sin, start, position, y }) => `
${ropeAngles({ cos, sin, start, position })}
let first = ${x}[at];
let second = ${x}[at + p.half];
${y}[at] = first * c - second * s;
${y}[at + p.half] = second * c + first * s;`,
  })];
}

/** Cosine `c` and sine `s` of the pair of thread `i`, whose first number is at `at`. Padding may stand past the table. */
export function ropeAngles(
  { cos, sin, start, position }: Readonly<Record<"cos" | "sin" | "start" | "position", string>>,
): string {
  const behind = `${start ? `u32(${start}[token / p.T])` : "0u"} + token % p.T`;
  return `
if (i >= p.count) { return; }
let pair = i % p.half;
let token = i / (p.half * p.H);
let place = min(${position ? `u32(${position}[token])` : behind}, p.last);
let c = ${cos}[place * p.half + pair];
let s = ${sin}[place * p.half + pair];
let at = i / p.half * (2u * p.half) + pair;`;
}

/**
 * y [B,T,H,C] = softmax(scale · q kᵀ) v; head h reads key/value head h / (H / G) of its row's row of k and v.
 *
 * The largest score so far goes along, and what was added up is scaled down when it grows (Milakov and Gimelshein 2018).
 */
export function attention({ q, k, v, start, keep, row, segment, y, causal, scale }: Operands<"attention">): Dispatch[] {
  const [B, T, H, C] = [extent(q, 0), extent(q, 1), extent(q, 2), extent(q, 3)];
  const size = T < TILE ? 1 : TILE;
  const tile = tileOf(size, C), tiles = Math.ceil(T / size);
  const begin = start === undefined ? "0u" : "first";
  return [shader({
    reads: { q, k, v, start, keep, row, segment },
    writes: { y },
    types: { q: tile.type, k: tile.type },
    sizes: { ...tile.sizes, T, H, S: extent(k, 1), G: extent(k, 2), tiles, causal: Number(causal) },
    factors: { scale },
    groups: B * H * tiles,
    head: ({ keep, segment }) => `
${expOf("f32")}
${maskFunction({ keep, segment })}
${declareHeads("queries", tile)}
var<workgroup> scores: array<f32, ${size * THREADS}>;
var<workgroup> highest: array<f32, ${THREADS}>;
var<workgroup> tops: array<f32, ${size}>;
var<workgroup> shrinks: array<f32, ${size}>;
var<workgroup> seen: u32;`,
    body: ({ q, k, v, start, row, segment, y }) => `
let t0 = group % p.tiles * ${size}u;
let h = group / p.tiles % p.H;
let b = group / (p.tiles * p.H);
let kv = h / (p.H / p.G);
${start && `let first = u32(${start}[b]);`}
let keys = ${row ? `u32(${row}[b])` : "b"} * p.S;
if (lane == 0u) { seen = select(p.S, min(${begin} + min(t0 + ${size}u, p.T), p.S), p.causal == 1u); }
if (lane < ${size}u) { tops[lane] = ${UNSEEN}; }
${fillHeads("queries", { from: q, head: "(b * p.T + min(t0 + m, p.T - 1u)) * p.H + h", tile })}
let end = workgroupUniformLoad(&seen);
${
      eachMember(tile, (m) => `
let visible${m} = select(p.S, min(${begin} + t0 + ${m + 1}u, p.S), p.causal == 1u);
let own${m} = ${segment ? `${segment}[b * p.S + visible${m} - 1u]` : "0"};
var total${m} = 0.0;`)
    }
${eachSum(tile, (m, n) => `var sum${m}_${n} = 0.0;`)}
for (var base = 0u; base < end; base += ${THREADS}u) {
  let key = base + lane;
  ${eachMember(tile, (m) => `var score${m} = 0.0;`)}
  if (key < end) {
    let at = ((keys + key) * p.G + kv) * p.parts;
    for (var c = 0u; c < p.parts; c++) {
      let other = ${k}[at + c];
      ${eachMember(tile, (m) => addProduct(`score${m}`, { heads: "queries", m, other: "other", tile }))}
    }
  }
  ${
      eachMember(tile, (m) => `
  if (key < visible${m}) { score${m} = mask(p.scale * score${m}, own${m}, b * p.S + key); } else { score${m} = ${UNSEEN}; }
  scores[${m * THREADS}u + lane] = score${m};`)
    }
  workgroupBarrier();
  var high = scores[lane * ${size}u];
  for (var j = 1u; j < ${size}u; j++) { high = max(high, scores[lane * ${size}u + j]); }
  highest[lane] = high;
  workgroupBarrier();
  if (lane < ${size}u) {
    var top = tops[lane];
    for (var j = 0u; j < ${THREADS / size}u; j++) { top = max(top, highest[lane * ${THREADS / size}u + j]); }
    shrinks[lane] = exp_(tops[lane] - top);
    tops[lane] = top;
  }
  workgroupBarrier();
  ${
      eachMember(tile, (m) => `
  scores[${m * THREADS}u + lane] = select(0.0, exp_(score${m} - tops[${m}]), score${m} > ${UNSEEN});
  total${m} *= shrinks[${m}];`)
    }
  ${eachSum(tile, (m, n) => `sum${m}_${n} *= shrinks[${m}];`)}
  workgroupBarrier();
  for (var j = 0u; j < min(${THREADS}u, end - base); j++) {
    let at = ((keys + base + j) * p.G + kv) * p.C;
    ${tile.columns.map((n) => `let v${n} = ${v}[at + min(lane + ${n * THREADS}u, p.C - 1u)];`).join(" ")}
    ${
      eachMember(tile, (m) => `
    let share${m} = scores[${m * THREADS}u + j];
    total${m} += share${m};
    ${tile.columns.map((n) => `sum${m}_${n} += share${m} * v${n};`).join(" ")}`)
    }
  }
  workgroupBarrier();
}
${
      eachSum(tile, (m, n) => `
if (t0 + ${m}u < p.T && lane + ${n * THREADS}u < p.C) {
  ${y}[((b * p.T + t0 + ${m}u) * p.H + h) * p.C + lane + ${n * THREADS}u] = sum${m}_${n} / total${m};
}`)
    }`,
  })];
}
