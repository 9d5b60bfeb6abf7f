/**
 * Backward of the losses: crossEntropyBackward, squaredErrorBackward, meanLossBackward.
 *
 * @module
 */
import { headLogits } from "./loss.ts";
import { accumulate, extent, type Operands } from "./operands.ts";
import { softmax } from "./softmax.ts";

/** dhidden [M,D], dweight [V,D] through dlogits = (softmax(logits) − one at target) · dloss, one row at a time. */
export function crossEntropyBackward(operands: Operands<"crossEntropyBackward">): void {
  const { hidden, weight, target, dloss, dhidden, dweight } = operands;
  const [M, width, V] = [extent(hidden, 0), extent(hidden, 1), extent(weight, 0)];
  const dlogits = new Float64Array(V);
  const eachRow = (visit: (row: number) => void) => {
    for (let m = 0; m < M; m++) {
      if (target.data[m]! < 0) continue;
      headLogits(dlogits, { hidden, weight, row: m });
      softmax(dlogits);
      dlogits[target.data[m]!]! -= 1;
      for (let v = 0; v < V; v++) dlogits[v]! *= dloss.data[m]!;
      visit(m * width);
    }
  };
  accumulate(dhidden, (sums) => {
    eachRow((row) => {
      for (let v = 0; v < V; v++) {
        for (let i = 0; i < width; i++) sums[row + i]! += dlogits[v]! * weight.data[v * width + i]!;
      }
    });
  });
  accumulate(dweight, (sums) => {
    eachRow((row) => {
      for (let v = 0; v < V; v++) {
        for (let i = 0; i < width; i++) sums[v * width + i]! += dlogits[v]! * hidden.data[row + i]!;
      }
    });
  });
}

/** da [M,D] += 2 · (a − b) / D · dloss, db −= the same. */
export function squaredErrorBackward({ a, b, dloss, da, db }: Operands<"squaredErrorBackward">): void {
  const width = extent(a, -1);
  const slope = (i: number) => 2 * (a.data[i]! - b.data[i]!) / width * dloss.data[Math.floor(i / width)]!;
  accumulate(da, (sums) => {
    for (let i = 0; i < sums.length; i++) sums[i]! += slope(i);
  });
  accumulate(db, (sums) => {
    for (let i = 0; i < sums.length; i++) sums[i]! -= slope(i);
  });
}

/** dloss [M] += dy / number of targets ≥ 0, where target ≥ 0. */
export function meanLossBackward({ target, dy, dloss }: Operands<"meanLossBackward">): void {
  const count = Array.from(target.data).filter((id) => id >= 0).length;
  accumulate(dloss, (sums) => {
    for (let m = 0; m < sums.length; m++) if (target.data[m]! >= 0) sums[m]! += dy.data[0]! / count;
  });
}
