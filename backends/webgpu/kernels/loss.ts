/**
 * Losses: crossEntropy, squaredError, meanLoss. Logits exist for a block of rows at a time.
 *
 * @module
 */
import { type Dispatch, extent, type Lowering, type Operands, rowsOf, type Value } from "../kernel.ts";
import { shader, THREADS } from "../shader.ts";
import { expOf, largestOver, log, sumOver } from "../wgsl.ts";
import { product } from "./product.ts";

/** Numbers of a block's logits, roughly. */
const BLOCK = 2 ** 22;

/** loss [M] = −log softmax(hidden · weightᵀ)[target], 0 where target is negative. */
export function crossEntropy(
  { hidden, weight, target, loss }: Operands<"crossEntropy">,
  lowering: Lowering,
): Dispatch[] {
  const V = extent(weight, 0);
  return eachBlock({ hidden, weight, lowering }, ({ logits, from, rows }) => [shader({
    reads: { logits, target },
    writes: { loss },
    sizes: { V, begin: from },
    groups: rows,
    head: () => [expOf("f32"), log, sumOver(THREADS), largestOver(THREADS)].join(""),
    body: ({ logits, target, loss }) => `
${logSumExp(logits)}
let answer = ${target}[p.begin + group];
if (lane == 0u) { ${loss}[p.begin + group] = select(level - ${logits}[row + u32(max(answer, 0))], 0.0, answer < 0); }`,
  })]);
}

/** A block of rows and its logits. */
export interface LogitBlock {
  /** The logits, `[rows,V]`. */
  readonly logits: Value;
  /** First row. */
  readonly from: number;
  /** Number of rows. */
  readonly rows: number;
}

/** Computes the logits hidden · weightᵀ block by block, and appends what `visit` makes of each. */
export function eachBlock(
  { hidden, weight, lowering }: { readonly hidden: Value; readonly weight: Value; readonly lowering: Lowering },
  visit: (block: LogitBlock) => readonly Dispatch[],
): Dispatch[] {
  const [M, K, V] = [extent(hidden, 0), extent(hidden, 1), extent(weight, 0)];
  // Bindings begin at multiples of 256 bytes, so at rows that are multiples of 64.
  const block = Math.min(M, Math.max(64, Math.floor(BLOCK / V / 64) * 64));
  const numbers = lowering.scratch(block * V);
  const dispatches: Dispatch[] = [];
  for (let from = 0; from < M; from += block) {
    const rows = Math.min(block, M - from);
    const logits = { ...numbers, shape: [rows, V], count: rows * V };
    const a = rowsOf(hidden, { from, rows });
    dispatches.push(...product({ kind: "forward", a, b: weight, c: logits, M: rows, N: V, K }, lowering));
    dispatches.push(...visit({ logits, from, rows }));
  }
  return dispatches;
}

/** `row`, where the logits of workgroup `group` begin, and `level`, log Σ exp of the `p.V` of them. */
export function logSumExp(logits: string): string {
  return `
let row = group * p.V;
var most = ${logits}[row];
for (var v = lane; v < p.V; v += ${THREADS}u) { most = max(most, ${logits}[row + v]); }
let top = largest_(lane, most);
var share = 0.0;
for (var v = lane; v < p.V; v += ${THREADS}u) { share += exp_(${logits}[row + v] - top); }
let level = top + log_(sum_(lane, share));`;
}

/** loss [M] = mean over D of (a − b)². A workgroup takes a row. */
export function squaredError({ a, b, loss }: Operands<"squaredError">): Dispatch[] {
  return [shader({
    reads: { a, b },
    writes: { loss },
    sizes: { width: extent(a, -1) },
    groups: loss.count,
    head: () => sumOver(THREADS),
    body: ({ a, b, loss }) => `
var share = 0.0;
for (var c = lane; c < p.width; c += ${THREADS}u) {
  let difference = ${a}[group * p.width + c] - ${b}[group * p.width + c];
  share += difference * difference;
}
let sum = sum_(lane, share);
if (lane == 0u) { ${loss}[group] = sum / f32(p.width); }`,
  })];
}

/** y [1] = sum of loss / number of targets ≥ 0, 0 when there is none. */
export function meanLoss({ loss, target, y }: Operands<"meanLoss">): Dispatch[] {
  return [shader({
    reads: { loss, target },
    writes: { y },
    sizes: { M: loss.count },
    groups: 1,
    head: () => sumOver(THREADS),
    body: ({ loss, target, y }) => `
var share = 0.0;
for (var m = lane; m < p.M; m += ${THREADS}u) { if (${target}[m] >= 0) { share += ${loss}[m]; } }
${countTargets(target)}
let sum = sum_(lane, share);
if (lane == 0u) { ${y}[0] = select(0.0, sum / max(targets, 1.0), targets > 0.0); }`,
  })];
}

/** `targets`, how many of the `p.M` are not negative. */
export function countTargets(target: string): string {
  return `
var wanted = 0.0;
for (var m = lane; m < p.M; m += ${THREADS}u) { wanted += select(0.0, 1.0, ${target}[m] >= 0); }
let targets = sum_(lane, wanted);`;
}
