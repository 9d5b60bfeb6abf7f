/**
 * Losses: crossEntropy, squaredError, meanLoss.
 *
 * @module
 */
import { extent, type Operands } from "./operands.ts";

/** loss [M] = −log softmax(hidden · weightᵀ)[target], 0 where target is negative. */
export function crossEntropy({ hidden, weight, target, loss }: Operands<"crossEntropy">): void {
  const [M, V] = [extent(hidden, 0), extent(weight, 0)];
  const logits = new Float64Array(V);
  for (let m = 0; m < M; m++) {
    const answer = target.data[m]!;
    loss.data[m] = 0;
    if (answer < 0) continue;
    headLogits(logits, { hidden, weight, row: m });
    const max = logits.reduce((a, b) => Math.max(a, b));
    let sum = 0;
    for (let v = 0; v < V; v++) sum += Math.exp(logits[v]! - max);
    loss.data[m] = Math.log(sum) + max - logits[answer]!;
  }
}

/** logits [V] = one row of hidden · weightᵀ. */
export function headLogits(
  logits: Float64Array,
  { hidden, weight, row }: Pick<Operands<"crossEntropy">, "hidden" | "weight"> & { readonly row: number },
): void {
  const width = extent(hidden, 1);
  for (let v = 0; v < logits.length; v++) {
    let logit = 0;
    for (let i = 0; i < width; i++) logit += hidden.data[row * width + i]! * weight.data[v * width + i]!;
    logits[v] = logit;
  }
}

/** loss [M] = mean over D of (a − b)². */
export function squaredError({ a, b, loss }: Operands<"squaredError">): void {
  const width = extent(a, -1);
  for (let m = 0; m < loss.data.length; m++) {
    let sum = 0;
    for (let i = m * width; i < (m + 1) * width; i++) sum += (a.data[i]! - b.data[i]!) ** 2;
    loss.data[m] = sum / width;
  }
}

/** y [1] = sum of loss / number of targets ≥ 0, 0 when there is none. */
export function meanLoss({ loss, target, y }: Operands<"meanLoss">): void {
  let sum = 0;
  let count = 0;
  for (let m = 0; m < loss.data.length; m++) {
    if (target.data[m]! < 0) continue;
    sum += loss.data[m]!;
    count += 1;
  }
  y.data[0] = count > 0 ? sum / count : 0;
}
