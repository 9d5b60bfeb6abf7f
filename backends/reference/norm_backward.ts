/**
 * Backward of the norms: rmsNormBackward, layerNormBackward.
 *
 * @module
 */
import { accumulate, type Operands, type View } from "./operands.ts";

/** Gradients of rmsNorm. */
export function rmsNormBackward({ eps, ...views }: Operands<"rmsNormBackward">): void {
  normBackward({ ...views, dbias: undefined }, { eps, centred: false });
}

/** Gradients of layerNorm. */
export function layerNormBackward({ eps, ...views }: Operands<"layerNormBackward">): void {
  normBackward(views, { eps, centred: true });
}

/** What both norms have, and the bias of one. */
type NormViews = Omit<Operands<"layerNormBackward">, "eps">;

/**
 * With n = (x − mean) · factor and g = dy · weight: dx += factor · (g − mean(g) − n · mean(g · n)), dweight += dy · n,
 * dbias += dy. RMSNorm is not centred: its means of x and g are 0.
 */
function normBackward(
  { x, weight, dy, dx, dweight, dbias }: NormViews,
  { eps, centred }: { readonly eps: number; readonly centred: boolean },
): void {
  const width = weight.data.length;
  const normed = new Float64Array(width);
  const eachRow = (visit: (row: number, factor: number) => void) => {
    for (let row = 0; row < x.data.length; row += width) visit(row, normalise(x, normed, { row, eps, centred }));
  };
  accumulate(dx, (sums) => {
    eachRow((row, factor) => {
      let [mean, slope] = [0, 0];
      for (let i = 0; i < width; i++) {
        const g = dy.data[row + i]! * weight.data[i]!;
        mean += centred ? g / width : 0;
        slope += g * normed[i]! / width;
      }
      for (let i = 0; i < width; i++) {
        const g = dy.data[row + i]! * weight.data[i]!;
        sums[row + i]! += factor * (g - mean - normed[i]! * slope);
      }
    });
  });
  accumulate(dweight, (sums) => {
    eachRow((row) => {
      for (let i = 0; i < width; i++) sums[i]! += dy.data[row + i]! * normed[i]!;
    });
  });
  accumulate(dbias, (sums) => {
    for (let i = 0; i < dy.data.length; i++) sums[i % width]! += dy.data[i]!;
  });
}

/** normed = (x − mean) · factor of one row; returns the factor. */
function normalise(
  x: View,
  normed: Float64Array,
  { row, eps, centred }: { readonly row: number; readonly eps: number; readonly centred: boolean },
): number {
  const width = normed.length;
  let sum = 0;
  for (let i = 0; i < width; i++) sum += x.data[row + i]!;
  const mean = centred ? sum / width : 0;
  let squares = 0;
  for (let i = 0; i < width; i++) squares += (x.data[row + i]! - mean) ** 2;
  const factor = 1 / Math.sqrt(squares / width + eps);
  for (let i = 0; i < width; i++) normed[i] = (x.data[row + i]! - mean) * factor;
  return factor;
}
