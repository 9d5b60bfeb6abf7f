/**
 * Kernels that read a weight matrix: linear, embedding, groupedLinear. In this backend a matrix lies in C order.
 *
 * @module
 */
import { copyRow, extent, type Operands, type View } from "./operands.ts";

/** y [M,out] = x [M,in] · weightᵀ (+ bias). */
export function linear({ x, weight, bias, y }: Operands<"linear">): void {
  multiply(x, weight, { bias, y, first: 0, end: y.data.length / extent(y, -1) });
}

/** y [B,T,D] = rows of weight [V,D] named by ids. */
export function embedding({ ids, weight, y }: Operands<"embedding">): void {
  const width = extent(y, -1);
  for (let to = 0; to < ids.data.length; to++) copyRow(weight.data, y.data, { from: ids.data[to]!, to, width });
}

/** y [R,out]: rows offsets[e] … offsets[e+1] of x [R,in] through weights[e]. */
export function groupedLinear({ x, offsets, weights, y }: Operands<"groupedLinear">): void {
  weights.forEach((weight, e) => {
    multiply(x, weight, { y, first: offsets.data[e]!, end: offsets.data[e + 1]! });
  });
}

/** Where a product goes, and which rows of it. */
interface Product {
  readonly y: View;
  readonly first: number;
  readonly end: number;
  readonly bias?: View | undefined;
}

/** Rows first … end of y [M,out] = the same rows of x [M,in] · weightᵀ + bias. */
function multiply({ data: x }: View, weight: View, { y: { data: y }, first, end, bias }: Product): void {
  const { data: w } = weight;
  const out = extent(weight, 0);
  const width = w.length / out;
  for (let m = first; m < end; m++) {
    for (let o = 0; o < out; o++) {
      const [xRow, wRow] = [m * width, o * width];
      let sum = bias === undefined ? 0 : bias.data[o]!;
      for (let i = 0; i < width; i++) sum += x[xRow + i]! * w[wRow + i]!;
      y[m * out + o] = sum;
    }
  }
}
