/**
 * Products with what stands around them: the calls of a plan as this backend runs them.
 *
 * @module
 */
import type { Call } from "../../../core/graph/kernels.ts";
import { elementCount, type Tensor } from "../../../core/graph/tensor.ts";
import { FEW_ROWS } from "../kernels/row_product.ts";

/**
 * y = plus + f(x), where f(x) is n · weightᵀ + bias, or with `up` swiglu(n · weightᵀ, n · upᵀ); n is x or, with `norm`,
 * rmsNorm(x, norm). `norm` and `up` only for a few rows.
 */
export interface FusedLinear {
  /** Told apart from the calls of the table by this name. */
  readonly kernel: "fusedLinear";
  /** What it reads. */
  readonly inputs: {
    readonly x: Tensor;
    readonly norm?: Tensor | undefined;
    readonly weight: Tensor;
    readonly up?: Tensor | undefined;
    readonly bias?: Tensor | undefined;
    readonly plus?: Tensor | undefined;
  };
  /** What it writes. */
  readonly outputs: { readonly y: Tensor };
  /** The number that `norm` adds to the mean square. */
  readonly attributes: { readonly eps: number };
}

/** A call of the table, or a product with its surroundings. */
export type Step = Call | FusedLinear;

/** What a fusion must know beside the steps. */
export interface Surroundings {
  /** Calls that read a tensor's memory; infinite where others may, the host or a later run. */
  readonly readsOf: (tensor: Tensor) => number;
  /** Whether two tensors have a byte in common. */
  readonly overlap: (a: Tensor, b: Tensor) => boolean;
}

/** A shorter list of steps that computes the same. */
export type Fusion = (steps: readonly Step[], surroundings: Surroundings) => readonly Step[];

/** The step as a product, if it is one. */
export function asProduct(step: Step | undefined): FusedLinear | undefined {
  if (step?.kernel === "fusedLinear") return step;
  return step?.kernel === "linear" ? { ...step, kernel: "fusedLinear", attributes: { eps: 0 } } : undefined;
}

/** Whether a product has so few rows that every weight is read once. */
export function hasFewRows({ inputs: { weight }, outputs: { y } }: FusedLinear): boolean {
  return elementCount(y.shape) / weight.shape[0]! <= FEW_ROWS;
}
