/**
 * Backward of the losses: crossEntropyBackward, squaredErrorBackward, meanLossBackward.
 *
 * @module
 */
import { type Dispatch, extent, type Lowering, type Operands, rowsOf } from "../kernel.ts";
import { groupsFor, shader, THREADS } from "../shader.ts";
import { expOf, largestOver, log, sumOver } from "../wgsl.ts";
import { countTargets, eachBlock, logSumExp } from "./loss.ts";
import { product } from "./product.ts";

/** dhidden [M,D], dweight [V,D] through dlogits = (softmax(logits) − one at target) · dloss, a block of rows at a time. */
export function crossEntropyBackward(
  { hidden, weight, target, dloss, dhidden, dweight }: Operands<"crossEntropyBackward">,
  lowering: Lowering,
): Dispatch[] {
  const [K, V] = [extent(hidden, 1), extent(weight, 0)];
  return eachBlock({ hidden, weight, lowering }, ({ logits, from, rows }) => {
    const slopes = shader({
      reads: { target, dloss },
      writes: { logits },
      sizes: { V, begin: from },
      groups: rows,
      head: () => [expOf("f32"), log, sumOver(THREADS), largestOver(THREADS)].join(""),
      body: ({ logits, target, dloss }) => `
${logSumExp(logits)}
let answer = ${target}[p.begin + group];
let slope = select(${dloss}[p.begin + group], 0.0, answer < 0);
for (var v = lane; v < p.V; v += ${THREADS}u) {
  let share = exp_(${logits}[row + v] - level);
  ${logits}[row + v] = slope * select(share, share - 1.0, i32(v) == answer);
}`,
    });
    const dispatches = [slopes];
    if (dhidden !== undefined) {
      const c = rowsOf(dhidden, { from, rows });
      dispatches.push(...product({ kind: "input", a: logits, b: weight, c, plus: c, M: rows, N: K, K: V }, lowering));
    }
    if (dweight !== undefined) {
      const b = rowsOf(hidden, { from, rows });
      dispatches.push(
        ...product({ kind: "weight", a: logits, b, c: dweight, plus: dweight, M: V, N: K, K: rows }, lowering),
      );
    }
    return dispatches;
  });
}

/** da [M,D] += 2 · (a − b) / D · dloss, db −= the same. */
export function squaredErrorBackward({ a, b, dloss, da, db }: Operands<"squaredErrorBackward">): Dispatch[] {
  const width = extent(a, -1);
  return [shader({
    reads: { a, b, dloss },
    writes: { da, db },
    sizes: { count: a.count, width },
    groups: groupsFor(a.count),
    body: ({ a, b, dloss, da, db }) => `
if (i >= p.count) { return; }
let slope = 2.0 * (${a}[i] - ${b}[i]) / f32(p.width) * ${dloss}[i / p.width];
${da && `${da}[i] += slope;`}
${db && `${db}[i] -= slope;`}`,
  })];
}

/** dloss [M] += dy / number of targets ≥ 0, where target ≥ 0. One workgroup. */
export function meanLossBackward({ target, dy, dloss }: Operands<"meanLossBackward">): Dispatch[] {
  return [shader({
    reads: { target, dy },
    writes: { dloss },
    sizes: { M: dloss.count },
    groups: 1,
    head: () => sumOver(THREADS),
    body: ({ target, dy, dloss }) => `
${countTargets(target)}
let slope = ${dy}[0] / max(targets, 1.0);
for (var m = lane; m < p.M; m += ${THREADS}u) { if (${target}[m] >= 0) { ${dloss}[m] += slope; } }`,
  })];
}
