/**
 * Backward of the kernels that read a weight matrix: to the input (dy · weight) and to the weight (dyᵀ · x).
 *
 * @module
 */
import { type Dispatch, extent, type Lowering, type Operands } from "../kernel.ts";
import { product } from "./product.ts";
import { addToRows } from "./add_to_rows.ts";

/** dx [M,in] += dy [M,out] · weight. */
export function linearBackwardInput(
  { dy, weight, dx }: Operands<"linearBackwardInput">,
  lowering: Lowering,
): Dispatch[] {
  const K = extent(weight, 0), N = weight.count / K, M = dy.count / K;
  return product({ kind: "input", a: dy, b: weight, c: dx, plus: dx, M, N, K }, lowering);
}

/** dweight [out,in] += dyᵀ · x. */
export function linearBackwardWeight(
  { x, dy, dweight }: Operands<"linearBackwardWeight">,
  lowering: Lowering,
): Dispatch[] {
  const M = extent(dweight, 0), N = dweight.count / M, K = dy.count / M;
  return product({ kind: "weight", a: dy, b: x, c: dweight, plus: dweight, M, N, K }, lowering);
}

/** dweight [V,D], rows ids += dy [B,T,D]. */
export function embeddingBackward(
  { ids, dy, dweight }: Operands<"embeddingBackward">,
  { scratch }: Lowering,
): Dispatch[] {
  return addToRows({ index: ids, dy, table: dweight, scratch });
}

/** dx [R,in] += dy [R,out] through each row's expert. */
export function groupedLinearBackwardInput(
  { dy, offsets, weights, dx }: Operands<"groupedLinearBackwardInput">,
  lowering: Lowering,
): Dispatch[] {
  const K = extent(dy, -1), M = dy.count / K, N = dx.count / M;
  return weights.flatMap((weight, expert) =>
    product({ kind: "input", a: dy, b: weight, c: dx, plus: dx, M, N, K, range: { offsets, expert } }, lowering)
  );
}

/** dweights[e] [out,in] += dyᵀ · x over the rows of expert e. */
export function groupedLinearBackwardWeight(
  { x, dy, offsets, dweights }: Operands<"groupedLinearBackwardWeight">,
  lowering: Lowering,
): Dispatch[] {
  const M = extent(dy, -1), K = dy.count / M, N = x.count / K;
  return dweights.flatMap((dweight, expert) =>
    product({ kind: "weight", a: dy, b: x, c: dweight, plus: dweight, M, N, K, range: { offsets, expert } }, lowering)
  );
}
