/**
 * Backward of the kernels that read a weight matrix: to the input (dy · weight) and to the weight (dyᵀ · x).
 *
 * @module
 */
import { accumulate, extent, type Operands, type View } from "./operands.ts";
import { addRow } from "./rows_backward.ts";

/** dx [M,in] += dy [M,out] · weight. */
export function linearBackwardInput({ dy, weight, dx }: Operands<"linearBackwardInput">): void {
  const end = dy.data.length / extent(dy, -1);
  accumulate(dx, (sums) => addInput(sums, { dy, weight, first: 0, end }));
}

/** dweight [out,in] += dyᵀ · x. */
export function linearBackwardWeight({ x, dy, dweight }: Operands<"linearBackwardWeight">): void {
  const end = dy.data.length / extent(dy, -1);
  accumulate(dweight, (sums) => addWeight(sums, { x, dy, first: 0, end }));
}

/** dweight [V,D], rows ids += dy [B,T,D]. */
export function embeddingBackward({ ids, dy, dweight }: Operands<"embeddingBackward">): void {
  const width = extent(dy, -1);
  accumulate(dweight, (sums) => {
    for (let from = 0; from < ids.data.length; from++) addRow(dy.data, sums, { from, to: ids.data[from]!, width });
  });
}

/** dx [R,in] += dy [R,out] through each row's expert. */
export function groupedLinearBackwardInput(
  { dy, offsets, weights, dx }: Operands<"groupedLinearBackwardInput">,
): void {
  accumulate(dx, (sums) => {
    weights.forEach((weight, e) => {
      addInput(sums, { dy, weight, first: offsets.data[e]!, end: offsets.data[e + 1]! });
    });
  });
}

/** dweights[e] [out,in] += dyᵀ · x over the rows of expert e. */
export function groupedLinearBackwardWeight(
  { x, dy, offsets, dweights }: Operands<"groupedLinearBackwardWeight">,
): void {
  dweights.forEach((dweight, e) => {
    accumulate(dweight, (sums) => addWeight(sums, { x, dy, first: offsets.data[e]!, end: offsets.data[e + 1]! }));
  });
}

/** Which rows of a product to take. */
interface Rows {
  readonly first: number;
  readonly end: number;
}

/** Rows first … end of dx [M,in] += the same rows of dy [M,out] · weight. */
function addInput(dx: Float64Array, { dy, weight, first, end }: { dy: View; weight: View } & Rows): void {
  const out = extent(weight, 0);
  const width = weight.data.length / out;
  for (let m = first; m < end; m++) {
    for (let o = 0; o < out; o++) {
      for (let i = 0; i < width; i++) dx[m * width + i]! += dy.data[m * out + o]! * weight.data[o * width + i]!;
    }
  }
}

/** dweight [out,in] += Σ over rows first … end of dy [M,out]ᵀ · x [M,in]. */
function addWeight(dweight: Float64Array, { x, dy, first, end }: { x: View; dy: View } & Rows): void {
  const out = extent(dy, -1);
  const width = dweight.length / out;
  for (let m = first; m < end; m++) {
    for (let o = 0; o < out; o++) {
      for (let i = 0; i < width; i++) dweight[o * width + i]! += dy.data[m * out + o]! * x.data[m * width + i]!;
    }
  }
}
