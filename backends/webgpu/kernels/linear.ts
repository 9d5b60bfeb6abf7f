/**
 * Kernels that read a weight matrix: linear, embedding, groupedLinear.
 *
 * @module
 */
import type { FusedLinear } from "../fusions/fusion.ts";
import { type Dispatch, extent, type Lowering, type Operands, type ValuesOf } from "../kernel.ts";
import { groupsFor, shader } from "../shader.ts";
import { product } from "./product.ts";
import { FEW_ROWS, rowProduct } from "./row_product.ts";

/** y [M,out] = x [M,in] · weightᵀ (+ bias). */
export function linear(operands: Operands<"linear">, lowering: Lowering): Dispatch[] {
  return fusedLinear({ ...operands, eps: 0 }, lowering);
}

/** A product with what stands around it. */
export function fusedLinear(
  { x, norm, weight, up, bias, plus, y, eps }: ValuesOf<FusedLinear["inputs"] & FusedLinear["outputs"]> & {
    readonly eps: number;
  },
  lowering: Lowering,
): Dispatch[] {
  const N = extent(weight, 0), K = weight.count / N, M = y.count / N;
  if (M <= FEW_ROWS) {
    return [rowProduct({ x, norm: norm && { weight: norm, eps }, weight, up, bias, plus, y, M, N, K }, lowering)];
  }
  return product({ kind: "forward", a: x, b: weight, c: y, M, N, K, bias, plus }, lowering);
}

/** y [B,T,D] = rows of weight [V,D] named by ids. */
export function embedding({ ids, weight, y }: Operands<"embedding">): Dispatch[] {
  return [shader({
    reads: { ids, weight },
    writes: { y },
    sizes: { count: y.count, width: extent(y, -1) },
    groups: groupsFor(y.count),
    body: ({ ids, weight, y }) => `
if (i >= p.count) { return; }
${y}[i] = f32(${weight}[u32(${ids}[i / p.width]) * p.width + i % p.width]);`,
  })];
}

/** y [R,out]: rows offsets[e] … offsets[e+1] of x [R,in] through weights[e], one expert after the other. */
export function groupedLinear({ x, offsets, weights, y }: Operands<"groupedLinear">, lowering: Lowering): Dispatch[] {
  const N = extent(y, -1), M = y.count / N, K = x.count / M;
  return weights.flatMap((weight, expert) =>
    product({ kind: "forward", a: x, b: weight, c: y, M, N, K, range: { offsets, expert } }, lowering)
  );
}
