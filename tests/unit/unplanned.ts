/**
 * Runs a graph with the reference kernels and without a plan: every tensor has memory of its own and nothing is used
 * again, in f32 or in f64, where central differences are exact to ten digits.
 *
 * @module
 */
import { kernels } from "../../backends/reference/kernels.ts";
import type { Graph } from "../../core/graph/graph.ts";
import type { Operand } from "../../core/graph/kernels.ts";
import { elementCount, type Tensor } from "../../core/graph/tensor.ts";

/** Numbers of a tensor. */
export type Numbers = Float64Array | Float32Array | Int32Array;

/** Values of named tensors, by name. */
export type Values = ReadonlyMap<string, ArrayLike<number>>;

/** Runs all calls of a graph once; returns where a tensor's numbers are. States without a value start from zeros. */
export function runUnplanned(
  graph: Graph,
  values: Values,
  Floats: Float64ArrayConstructor | Float32ArrayConstructor,
): (tensor: Tensor) => Numbers {
  const memory = new Map<number, Numbers>();
  const data = ({ base }: Tensor): Numbers => {
    const known = memory.get(base.id);
    if (known !== undefined) return known;
    const start = base.role === "temporary" ? undefined : graph.constants.get(base.name) ?? values.get(base.name);
    const numbers = new (base.dtype === "i32" ? Int32Array : Floats)(elementCount(base.shape));
    if (start !== undefined) numbers.set(start);
    memory.set(base.id, numbers);
    return numbers;
  };
  const view = (tensor: Tensor) => ({ data: data(tensor), shape: tensor.shape });
  for (const { kernel, inputs, outputs, attributes } of graph.calls) {
    const operands = Object.entries({ ...inputs, ...outputs }) as [string, Operand][];
    const views = operands.map(([name, operand]) => {
      if (operand === undefined) return [name, undefined];
      return [name, "id" in operand ? view(operand) : operand.map(view)];
    });
    const run = kernels[kernel] as (operands: unknown) => void;
    run({ ...Object.fromEntries(views), ...attributes });
  }
  return data;
}
