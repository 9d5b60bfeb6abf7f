/**
 * Backward of position and attention: ropeBackward, attentionBackward.
 *
 * @module
 */
import { type Dispatch, extent, type Lowering, type Operands, type Value } from "../kernel.ts";
import { groupsFor, shader, THREADS } from "../shader.ts";
import { expOf } from "../wgsl.ts";
import { ropeAngles, TILE } from "./attention.ts";
import {
  addProduct,
  declareHeads,
  eachMember,
  eachSum,
  fillHeads,
  maskFunction,
  tileOf,
  type TileShape,
  UNSEEN,
} from "./attention_parts.ts";

/** dx [B,T,H,C] += dy with every pair turned back. */
export function ropeBackward({ dy, cos, sin, start, position, dx }: Operands<"ropeBackward">): Dispatch[] {
  const [T, H, C] = [extent(dy, 1), extent(dy, 2), extent(dy, 3)];
  return [shader({
    reads: { dy, cos, sin, start, position },
    writes: { dx },
    sizes: { count: dy.count / 2, half: C / 2, H, T, last: extent(cos, 0) - 1 },
    groups: groupsFor(dy.count / 2),
    body: ({ dy, cos, sin, start, position, dx }) => `
${ropeAngles({ cos, sin, start, position })}
let first = ${dy}[at];
let second = ${dy}[at + p.half];
${dx}[at] += first * c + second * s;
${dx}[at + p.half] += second * c - first * s;`,
  })];
}

/**
 * With p = softmax(s), s = scale · q kᵀ and dp = dy vᵀ: ds = p · (dp − Σ dy · y), dq += scale · ds k, dk += scale · dsᵀ q,
 * dv += pᵀ dy. First by tiles of queries, then by tiles of keys. Of each query its largest score,
 * 1 / Σ exp and Σ dy · y are kept in between.
 */
export function attentionBackward(operands: Operands<"attentionBackward">, { scratch }: Lowering): Dispatch[] {
  const { q } = operands;
  const queries = extent(q, 0) * extent(q, 1) * extent(q, 2);
  const kept = scratch(3 * queries);
  return [queryGradients({ ...operands, kept }), keyGradients({ ...operands, kept })];
}

type Backward = Operands<"attentionBackward"> & { readonly kept: Value };

function queryGradients(backward: Backward): Dispatch {
  const { q, k, v, keep, segment, y, dy, dq, kept, causal, scale } = backward;
  const [B, T, H, C] = [extent(q, 0), extent(q, 1), extent(q, 2), extent(q, 3)];
  const tile = tileOf(TILE, C), tiles = Math.ceil(T / TILE);
  const score = (m: number) =>
    `if (key < visible${m}) { score${m} = mask(p.scale * score${m}, own${m}, b * p.S + key); } else { score${m} = ${UNSEEN}; }`;
  return shader({
    reads: { q, k, v, keep, segment, y, dy },
    writes: { dq, kept },
    types: { q: tile.type, k: tile.type, v: tile.type, y: tile.type, dy: tile.type },
    sizes: { ...tile.sizes, queries: B * T * H, T, H, S: extent(k, 1), G: extent(k, 2), tiles, causal: Number(causal) },
    factors: { scale },
    groups: B * H * tiles,
    head: ({ keep, segment }) => `
${expOf("f32")}
${maskFunction({ keep, segment })}
${declareHeads("queries", tile)}
${declareHeads("gradients", tile)}
var<workgroup> shares: array<f32, ${TILE * THREADS}>;
var<workgroup> totals: array<f32, ${TILE * THREADS}>;
var<workgroup> level: array<f32, ${TILE}>;
var<workgroup> portion: array<f32, ${TILE}>;
var<workgroup> slope: array<f32, ${TILE}>;`,
    body: ({ q, k, v, segment, y, dy, dq, kept }) => `
let t0 = group % p.tiles * ${TILE}u;
let h = group / p.tiles % p.H;
let b = group / (p.tiles * p.H);
let kv = h / (p.H / p.G);
let end = select(p.S, min(t0 + ${TILE}u, p.T), p.causal == 1u);
${fillHeads("queries", { from: q, head: "(b * p.T + min(t0 + m, p.T - 1u)) * p.H + h", tile })}
${fillHeads("gradients", { from: dy, head: "(b * p.T + min(t0 + m, p.T - 1u)) * p.H + h", tile })}
workgroupBarrier();
${
      eachMember(tile, (m) => `
let visible${m} = select(p.S, min(t0 + ${m + 1}u, p.S), p.causal == 1u);
let own${m} = ${segment ? `${segment}[b * p.S + visible${m} - 1u]` : "0"};
var top${m} = ${UNSEEN};
var total${m} = 0.0;`)
    }
for (var key = lane; key < end; key += ${THREADS}u) {
  let at = ((b * p.S + key) * p.G + kv) * p.parts;
  ${eachMember(tile, (m) => `var score${m} = 0.0;`)}
  for (var c = 0u; c < p.parts; c++) {
    let other = ${k}[at + c];
    ${eachMember(tile, (m) => addProduct(`score${m}`, { heads: "queries", m, other: "other", tile }))}
  }
  ${
      eachMember(tile, (m) => `
  ${score(m)}
  if (score${m} > ${UNSEEN}) {
    let high = max(top${m}, score${m});
    total${m} = total${m} * exp_(top${m} - high) + exp_(score${m} - high);
    top${m} = high;
  }`)
    }
}
${eachMember(tile, (m) => `shares[${m * THREADS}u + lane] = top${m}; totals[${m * THREADS}u + lane] = total${m};`)}
workgroupBarrier();
if (lane < ${TILE}u && t0 + lane < p.T) {
  var top = ${UNSEEN};
  for (var j = 0u; j < ${THREADS}u; j++) { top = max(top, shares[lane * ${THREADS}u + j]); }
  var total = 0.0;
  for (var j = 0u; j < ${THREADS}u; j++) {
    total += totals[lane * ${THREADS}u + j] * exp_(shares[lane * ${THREADS}u + j] - top);
  }
  let query = (b * p.T + t0 + lane) * p.H + h;
  var sum = 0.0;
  for (var c = 0u; c < p.parts; c++) {
    ${tile.type === "f32" ? "sum +=" : "sum += dot"}(gradients[lane * ${tile.room}u + c]${
      tile.type === "f32" ? " *" : ","
    } ${y}[query * p.parts + c]);
  }
  level[lane] = top;
  portion[lane] = 1.0 / total;
  slope[lane] = sum;
  ${kept}[query] = top;
  ${kept}[p.queries + query] = portion[lane];
  ${kept}[2u * p.queries + query] = sum;
}
workgroupBarrier();
${eachSum(tile, (m, n) => `var sum${m}_${n} = 0.0;`)}
for (var base = 0u; base < end; base += ${THREADS}u) {
  let key = base + lane;
  ${eachMember(tile, (m) => `var score${m} = 0.0; var dp${m} = 0.0;`)}
  if (key < end) {
    let at = ((b * p.S + key) * p.G + kv) * p.parts;
    for (var c = 0u; c < p.parts; c++) {
      let other = ${k}[at + c];
      let value = ${v}[at + c];
      ${eachMember(tile, (m) => addProduct(`score${m}`, { heads: "queries", m, other: "other", tile }))}
      ${eachMember(tile, (m) => addProduct(`dp${m}`, { heads: "gradients", m, other: "value", tile }))}
    }
  }
  ${
      eachMember(tile, (m) => `
  ${score(m)}
  shares[${
        m * THREADS
      }u + lane] = select(0.0, p.scale * exp_(score${m} - level[${m}]) * portion[${m}] * (dp${m} - slope[${m}]), score${m} > ${UNSEEN});`)
    }
  workgroupBarrier();
  for (var j = 0u; j < min(${THREADS}u, end - base); j++) {
    let at = ((b * p.S + base + j) * p.G + kv) * p.C;
    ${tile.columns.map((n) => `let k${n} = ${element(k, { tile, n })};`).join(" ")}
    ${eachSum(tile, (m, n) => `sum${m}_${n} += shares[${m * THREADS}u + j] * k${n};`)}
  }
  workgroupBarrier();
}
${
      eachSum(tile, (m, n) => `
if (t0 + ${m}u < p.T && lane + ${n * THREADS}u < p.C) {
  ${dq}[((b * p.T + t0 + ${m}u) * p.H + h) * p.C + lane + ${n * THREADS}u] += sum${m}_${n};
}`)
    }`,
  });
}

/** Column `lane + 64·n` of the head that begins at element `at`. */
function element(name: string, { tile: { type }, n }: { tile: TileShape; n: number }): string {
  const column = `min(lane + ${n * THREADS}u, p.C - 1u)`;
  return type === "f32" ? `${name}[at + ${column}]` : `${name}[(at + ${column}) / 4u][(at + ${column}) % 4u]`;
}

function keyGradients(backward: Backward): Dispatch {
  const { q, k, v, keep, segment, dy, dk, dv, kept, causal, scale } = backward;
  const [B, T, H, C] = [extent(q, 0), extent(q, 1), extent(q, 2), extent(q, 3)];
  const [S, G] = [extent(k, 1), extent(k, 2)];
  const tile = tileOf(TILE, C), tiles = Math.ceil(S / TILE);
  return shader({
    reads: { q, k, v, keep, segment, dy, kept },
    writes: { dk, dv },
    types: { q: tile.type, k: tile.type, v: tile.type, dy: tile.type },
    sizes: { ...tile.sizes, queries: B * T * H, T, H, S, G, tiles, causal: Number(causal) },
    factors: { scale },
    groups: B * G * tiles,
    head: ({ keep, segment }) => `
${expOf("f32")}
${maskFunction({ keep, segment })}
${declareHeads("keys", tile)}
${declareHeads("values", tile)}
var<workgroup> shares: array<f32, ${TILE * THREADS}>;
var<workgroup> pulls: array<f32, ${TILE * THREADS}>;`,
    body: ({ q, k, v, segment, dy, dk, dv, kept }) => `
let s0 = group % p.tiles * ${TILE}u;
let kv = group / p.tiles % p.G;
let b = group / (p.tiles * p.G);
${fillHeads("keys", { from: k, head: "(b * p.S + min(s0 + m, p.S - 1u)) * p.G + kv", tile })}
${fillHeads("values", { from: v, head: "(b * p.S + min(s0 + m, p.S - 1u)) * p.G + kv", tile })}
workgroupBarrier();
${eachSum(tile, (m, n) => `var dk${m}_${n} = 0.0; var dv${m}_${n} = 0.0;`)}
let heads = p.H / p.G;
for (var h = kv * heads; h < (kv + 1u) * heads; h++) {
  for (var base = select(0u, s0, p.causal == 1u); base < p.T; base += ${THREADS}u) {
    let t = base + lane;
    ${eachMember(tile, (m) => `var score${m} = 0.0; var dp${m} = 0.0;`)}
    let query = (b * p.T + min(t, p.T - 1u)) * p.H + h;
    for (var c = 0u; c < p.parts; c++) {
      let other = ${q}[query * p.parts + c];
      let slope = ${dy}[query * p.parts + c];
      ${eachMember(tile, (m) => addProduct(`score${m}`, { heads: "keys", m, other: "other", tile }))}
      ${eachMember(tile, (m) => addProduct(`dp${m}`, { heads: "values", m, other: "slope", tile }))}
    }
    let own = ${segment ? `${segment}[b * p.S + select(p.S - 1u, min(t, p.S - 1u), p.causal == 1u)]` : "0"};
    let level = ${kept}[query];
    let portion = ${kept}[p.queries + query];
    let mean = ${kept}[2u * p.queries + query];
    ${
      eachMember(tile, (m) => `
    if (t < p.T && s0 + ${m}u < select(p.S, min(t + 1u, p.S), p.causal == 1u)) {
      score${m} = mask(p.scale * score${m}, own, b * p.S + s0 + ${m}u);
    } else {
      score${m} = ${UNSEEN};
    }
    let share${m} = select(0.0, exp_(score${m} - level) * portion, score${m} > ${UNSEEN});
    shares[${m * THREADS}u + lane] = share${m};
    pulls[${m * THREADS}u + lane] = p.scale * share${m} * (dp${m} - mean);`)
    }
    workgroupBarrier();
    for (var j = 0u; j < min(${THREADS}u, p.T - base); j++) {
      let at = ((b * p.T + base + j) * p.H + h) * p.C;
      ${
      tile.columns.map((n) => `let q${n} = ${element(q, { tile, n })}; let d${n} = ${element(dy, { tile, n })};`).join(
        " ",
      )
    }
      ${
      eachSum(
        tile,
        (m, n) =>
          `dk${m}_${n} += pulls[${m * THREADS}u + j] * q${n}; dv${m}_${n} += shares[${m * THREADS}u + j] * d${n};`,
      )
    }
    }
    workgroupBarrier();
  }
}
${
      eachSum(tile, (m, n) => `
if (s0 + ${m}u < p.S && lane + ${n * THREADS}u < p.C) {
  let to = ((b * p.S + s0 + ${m}u) * p.G + kv) * p.C + lane + ${n * THREADS}u;
  ${dk}[to] += dk${m}_${n};
  ${dv}[to] += dv${m}_${n};
}`)
    }`,
  });
}
