/**
 * Backward of the mixture of experts: routeBackward, combineBackward, balanceLossBackward.
 *
 * @module
 */
import { accumulate, extent, type Operands } from "./operands.ts";

/**
 * dlogits [M,E] from dscores [M,E] and dweight [M,k]. The k chosen weights are scores, divided by their sum S when
 * `normalise`: dscore of a choice += (dweight − Σ dweight · weight) / S. Then through the softmax.
 */
export function routeBackward(operands: Operands<"routeBackward">): void {
  const { scores, weight, expert, dscores, dweight, dlogits, normalise } = operands;
  const [M, E, k] = [extent(scores, 0), extent(scores, 1), extent(weight, 1)];
  accumulate(dlogits, (sums) => {
    for (let m = 0; m < M; m++) {
      const p = scores.data.subarray(m * E, (m + 1) * E);
      const dp = Float64Array.from({ length: E }, (_, e) => dscores?.data[m * E + e] ?? 0);
      const choices = dweight === undefined ? [] : Array.from({ length: k }, (_, j) => m * k + j);
      let [total, mean] = [1, 0];
      if (normalise) {
        total = choices.reduce((sum, choice) => sum + p[expert.data[choice]!]!, 1e-20);
        mean = choices.reduce((sum, choice) => sum + dweight!.data[choice]! * weight.data[choice]!, 0);
      }
      for (const choice of choices) dp[expert.data[choice]!]! += (dweight!.data[choice]! - mean) / total;
      const pull = dp.reduce((sum, slope, e) => sum + slope * p[e]!, 0);
      for (let e = 0; e < E; e++) sums[m * E + e]! += p[e]! * (dp[e]! - pull);
    }
  });
}

/** dx [R,D] += weight · dy [M,D] of the row's token; dweight [M,k] += x · dy. */
export function combineBackward({ x, order, weight, dy, dx, dweight }: Operands<"combineBackward">): void {
  const [k, width] = [extent(weight, 1), extent(x, 1)];
  accumulate(dx, (sums) => {
    order.data.forEach((choice, place) => {
      const token = Math.floor(choice / k);
      for (let i = 0; i < width; i++) sums[place * width + i]! += weight.data[choice]! * dy.data[token * width + i]!;
    });
  });
  accumulate(dweight, (sums) => {
    order.data.forEach((choice, place) => {
      const token = Math.floor(choice / k);
      for (let i = 0; i < width; i++) sums[choice]! += x.data[place * width + i]! * dy.data[token * width + i]!;
    });
  });
}

/** dscores [B,T,E] += factor · dy · choices of e / tokens² / groups. */
export function balanceLossBackward(
  { expert, dy, dscores, factor, perRow }: Operands<"balanceLossBackward">,
): void {
  const [B, T, E] = [extent(dscores, 0), extent(dscores, 1), extent(dscores, 2)];
  const groups = perRow ? B : 1;
  const tokens = B * T / groups;
  const choices = expert.data.length / groups;
  accumulate(dscores, (sums) => {
    for (let g = 0; g < groups; g++) {
      const count = new Float64Array(E);
      for (let i = 0; i < choices; i++) count[expert.data[g * choices + i]!]! += 1;
      for (let i = 0; i < tokens * E; i++) {
        sums[g * tokens * E + i]! += factor * dy.data[0]! * count[i % E]! / tokens ** 2 / groups;
      }
    }
  });
}
