/**
 * The sampler, step by step as `core/sampling.ts` tells it. A workgroup takes a row.
 *
 * Filters look for their limit bit by bit: the largest number of 32 bits above which enough is left. Masses are whole
 * numbers of 2⁻³¹, whose sums do not depend on their order.
 *
 * @module
 */
import { type Dispatch, extent, type Operands } from "../kernel.ts";
import { shader } from "../shader.ts";
import { expOf } from "../wgsl.ts";

/** Threads of a row: two steps of this square root add up what they hold. */
const THREADS = 256, ROOT = 16;

/** Draws one id per row; `seen` and the counter in `random` advance. */
export function sample({ logits, settings, id, probabilities, seen, random }: Operands<"sample">): Dispatch[] {
  const [B, V] = [extent(logits, 0), extent(logits, 1)];
  return [shader({
    reads: { logits, settings },
    writes: { id, probabilities, seen, random },
    sizes: { V, run: Math.ceil(V / THREADS), idBits: Math.ceil(Math.log2(V + 1)) },
    threads: THREADS,
    groups: B,
    head: () =>
      [
        expOf("f32"),
        reduction({ name: "total_", type: "u32", step: "a + b" }),
        reduction({ name: "sum_", type: "f32", step: "a + b" }),
        reduction({ name: "top_", type: "f32", step: "max(a, b)" }),
        reduction({ name: "least_", type: "u32", step: "min(a, b)" }),
        helpers,
      ].join("\n"),
    body: ({ logits, settings, id, probabilities: row, seen, random }) => `
let first = group * p.V;
if (lane == 0u) {
  let at = group * 5u;
  filters = vec4f(${settings}[at], ${settings}[at + 1u], ${settings}[at + 2u], ${settings}[at + 3u]);
}
let given = workgroupUniformLoad(&filters);
let penalty = ${settings}[group * 5u + 4u];
for (var v = lane; v < p.V; v += ${THREADS}u) {
  let x = ${logits}[first + v];
  let rare = select(x * penalty, x / penalty, x > 0.0);
  ${row}[first + v] = select(rare, x, ${seen}[first + v] == 0);
}
if (given.x == 0.0) {
${greedy(row)}
} else {
  for (var v = lane; v < p.V; v += ${THREADS}u) { ${row}[first + v] /= given.x; }
${keepTopK(row)}
${softmax(row)}
  if (given.z < 1.0) {
${keepTopP(row)}
  }
${keepMinP(row)}
}
storageBarrier();
${draw({ id, row, seen, random })}`,
  })];
}

/** A function of a thread's number that gives every thread that of all, always added up in the same order. */
function reduction({ name, type, step }: { name: string; type: "u32" | "f32"; step: string }): string {
  return `
var<workgroup> ${name}all: array<${type}, ${THREADS}>;
var<workgroup> ${name}parts: array<${type}, ${ROOT}>;
fn ${name}step(a: ${type}, b: ${type}) -> ${type} { return ${step}; }
fn ${name}(lane: u32, value: ${type}) -> ${type} {
  ${name}all[lane] = value;
  workgroupBarrier();
  if (lane < ${ROOT}u) {
    var part = ${name}all[lane * ${ROOT}u];
    for (var j = 1u; j < ${ROOT}u; j++) { part = ${name}step(part, ${name}all[lane * ${ROOT}u + j]); }
    ${name}parts[lane] = part;
  }
  workgroupBarrier();
  var result = ${name}parts[0];
  for (var j = 1u; j < ${ROOT}u; j++) { result = ${name}step(result, ${name}parts[j]); }
  workgroupBarrier();
  return result;
}`;
}

/** Order of numbers as order of bits, mass of a probability, and the generator of core/sampling.ts. */
const helpers = `
var<workgroup> filters: vec4f;
var<workgroup> chances: array<u32, ${THREADS}>;
fn order(x: f32) -> u32 {
  let bits = bitcast<u32>(x + 0.0);
  return select(bits | 0x80000000u, ~bits, (bits >> 31u) == 1u);
}
fn mass(x: f32) -> u32 { return u32(x * 2147483648.0 + 0.5); }
fn mix(given: u32) -> u32 {
  var x = given;
  x = (x ^ (x >> 16u)) * 0x21f0aaadu;
  x = (x ^ (x >> 15u)) * 0xd35a2d97u;
  return x ^ (x >> 15u);
}`;

/** Statements over the ids of a thread. */
function eachId(statement: string): string {
  return `for (var v = lane; v < p.V; v += ${THREADS}u) { ${statement} }`;
}

/** The largest logit gets it all, the lowest id on a tie. */
function greedy(row: string): string {
  return `
  var mine = -3.4e38;
  ${eachId(`mine = max(mine, ${row}[first + v]);`)}
  let best = top_(lane, mine);
  var place = p.V - 1u;
  ${eachId(`if (${row}[first + v] == best) { place = min(place, v); }`)}
  let winner = least_(lane, place);
  ${eachId(`${row}[first + v] = select(0.0, 1.0, v == winner);`)}`;
}

/** `kept`, the order from which on logits stay: that of the k-th, or none. */
function keepTopK(row: string): string {
  return `
  var kept = 0u;
  let k = u32(given.y);
  if (k > 0u && k < p.V) {
    for (var bit = 0x80000000u; bit > 0u; bit >>= 1u) {
      var count = 0u;
      ${eachId(`count += select(0u, 1u, order(${row}[first + v]) >= (kept | bit));`)}
      if (total_(lane, count) >= k) { kept |= bit; }
    }
  }`;
}

function softmax(row: string): string {
  return `
  var mine = -3.4e38;
  ${eachId(`mine = max(mine, ${row}[first + v]);`)}
  let most = top_(lane, mine);
  var share = 0.0;
  ${
    eachId(`let x = ${row}[first + v];
    let e = select(0.0, exp_(x - most), order(x) >= kept);
    share += e;
    ${row}[first + v] = e;`)
  }
  let sum = sum_(lane, share);
  ${eachId(`${row}[first + v] /= sum;`)}`;
}

/** `limit` is the order of the last number that stays; of those that tie with it, the lower ids while there is room. */
function keepTopP(row: string): string {
  return `
    let room = u32(floor(given.z * 2147483648.0));
    var limit = 0u;
    var above = 0u;
    for (var bit = 0x40000000u; bit > 0u; bit >>= 1u) {
      var part = 0u;
      ${eachId(`let x = ${row}[first + v]; part += select(0u, mass(x), bitcast<u32>(x) >= (limit | bit));`)}
      if (total_(lane, part) > room) { limit |= bit; }
    }
    var part = 0u;
    ${eachId(`let x = ${row}[first + v]; part += select(0u, mass(x), bitcast<u32>(x) > limit);`)}
    above = total_(lane, part);
    let ties = (room - min(room, above)) / max(mass(bitcast<f32>(limit)), 1u) + 1u;
    var last = 0u;
    for (var bit = 1u << p.idBits; bit > 0u; bit >>= 1u) {
      var count = 0u;
      ${eachId(`count += select(0u, 1u, bitcast<u32>(${row}[first + v]) == limit && v < (last | bit));`)}
      if (total_(lane, count) < ties) { last |= bit; }
    }
    ${
    eachId(`let bits = bitcast<u32>(${row}[first + v]);
    if (bits < limit || (bits == limit && v > last)) { ${row}[first + v] = 0.0; }`)
  }`;
}

function keepMinP(row: string): string {
  return `
  if (given.z < 1.0 || given.w > 0.0) {
    var highest = 0.0;
    ${eachId(`highest = max(highest, ${row}[first + v]);`)}
    let least = given.w * top_(lane, highest);
    var left = 0.0;
    ${
    eachId(`if (${row}[first + v] < least) { ${row}[first + v] = 0.0; }
    left += ${row}[first + v];`)
  }
    let rest = sum_(lane, left);
    ${eachId(`${row}[first + v] /= rest;`)}
  }`;
}

/** The first id whose running sum exceeds the drawn number, the last possible one where rounding keeps the sum below. */
function draw({ id, row, seen, random }: Readonly<Record<"id" | "row" | "seen" | "random", string>>): string {
  return `
let counter = bitcast<u32>(${random}[group * 2u + 1u]);
let drawn = (mix(mix(bitcast<u32>(${random}[group * 2u])) + (counter + 1u) * 0x9e3779b9u) >> 8u) << 7u;
let begin = min(lane * p.run, p.V);
let end = min(begin + p.run, p.V);
var chance = 0u;
var possible = 0u;
for (var v = begin; v < end; v++) {
  let x = ${row}[first + v];
  chance += mass(x);
  if (x > 0.0) { possible = v; }
}
chances[lane] = chance;
let latest = p.V - 1u - least_(lane, p.V - 1u - possible);
var before = 0u;
for (var j = 0u; j < lane; j++) { before += chances[j]; }
var chosen = p.V;
for (var v = begin; v < end; v++) {
  before += mass(${row}[first + v]);
  if (before > drawn) { chosen = v; break; }
}
let result = min(least_(lane, chosen), latest);
if (lane == 0u) {
  ${id}[group] = i32(result);
  ${random}[group * 2u + 1u] = bitcast<i32>(counter + 1u);
  ${seen}[first + result] += 2;
}`;
}
