/**
 * Mixture of experts: route, dispatch, combine, balanceLoss.
 *
 * @module
 */
import { extent, type Operands } from "./operands.ts";
import { softmax } from "./softmax.ts";

/** scores [M,E] = softmax(logits); the k largest of each row, the lower index first on a tie. */
export function route({ logits, scores, weight, expert, normalise }: Operands<"route">): void {
  const [M, E, k] = [extent(logits, 0), extent(logits, 1), extent(weight, 1)];
  for (let m = 0; m < M; m++) {
    const row = Float64Array.from(logits.data.subarray(m * E, (m + 1) * E));
    softmax(row);
    scores.data.set(row, m * E);
    // By logit: two that differ may have scores that do not.
    const best = [...row.keys()].sort((a, b) => logits.data[m * E + b]! - logits.data[m * E + a]! || a - b);
    const chosen = best.slice(0, k);
    const total = normalise ? chosen.reduce((sum, e) => sum + row[e]!, 1e-20) : 1;
    chosen.forEach((e, j) => {
      expert.data[m * k + j] = e;
      weight.data[m * k + j] = row[e]! / total;
    });
  }
}

/** order [R] = choices sorted by expert, earlier ones first; offsets [E+1] = where each expert's begin. */
export function dispatch({ expert, order, offsets }: Operands<"dispatch">): void {
  let place = 0;
  for (let e = 0; e < offsets.data.length - 1; e++) {
    offsets.data[e] = place;
    for (let r = 0; r < expert.data.length; r++) if (expert.data[r] === e) order.data[place++] = r;
  }
  offsets.data[offsets.data.length - 1] = place;
}

/** y [M,D] = Σ over the k choices of a row of weight · the choice's row of x [R,D]. */
export function combine({ x, order, weight, y }: Operands<"combine">): void {
  const [k, width] = [extent(weight, 1), extent(x, 1)];
  const sums = new Float64Array(y.data.length);
  for (let place = 0; place < order.data.length; place++) {
    const choice = order.data[place]!;
    const to = Math.floor(choice / k) * width;
    for (let i = 0; i < width; i++) sums[to + i]! += weight.data[choice]! * x.data[place * width + i]!;
  }
  y.data.set(sums);
}

/** y [1] = factor · mean over groups of Σₑ (choices of e / tokens) · mean score of e. */
export function balanceLoss({ scores, expert, y, factor, perRow }: Operands<"balanceLoss">): void {
  const [B, T, E] = [extent(scores, 0), extent(scores, 1), extent(scores, 2)];
  const groups = perRow ? B : 1;
  const tokens = B * T / groups;
  const choices = expert.data.length / groups;
  let total = 0;
  for (let g = 0; g < groups; g++) {
    const count = new Float64Array(E);
    const score = new Float64Array(E);
    for (let i = 0; i < choices; i++) count[expert.data[g * choices + i]!]! += 1;
    for (let i = 0; i < tokens * E; i++) score[i % E]! += scores.data[g * tokens * E + i]!;
    for (let e = 0; e < E; e++) total += (count[e]! / tokens) * (score[e]! / tokens);
  }
  y.data[0] = factor * total / groups;
}
