/**
 * What a reference kernel is given: its operands by name, as typed arrays with shapes, and its attributes.
 *
 * @module
 */
import type { HostData } from "../../core/backend.ts";
import type { KernelName, KernelTable } from "../../core/graph/kernels.ts";
import type { Tensor } from "../../core/graph/tensor.ts";

/** The numbers of a tensor in C order. */
export interface View {
  /** The elements, `Int32Array` for i32 and `Float32Array` for f32. */
  readonly data: HostData;
  /** Extents, slowest first. */
  readonly shape: readonly number[];
}

/** The view that stands for an operand: lists stay lists, absent optional ones stay undefined. */
export type ViewOf<Operand> = Operand extends readonly Tensor[] ? readonly View[]
  : Operand extends Tensor ? View
  : undefined;

/** The same record with views instead of tensors. */
export type ViewsOf<Fields> = { readonly [Name in keyof Fields]: ViewOf<Fields[Name]> };

/** All that one kernel gets: inputs, outputs and attributes in one record. */
export type Operands<Name extends KernelName> =
  & ViewsOf<KernelTable[Name]["inputs"]>
  & ViewsOf<KernelTable[Name]["outputs"]>
  & Readonly<KernelTable[Name]["attributes"]>;

/** One function per kernel, so a missing one is a type error. */
export type Kernels = { readonly [Name in KernelName]: (operands: Operands<Name>) => void };

/**
 * Copies row `from` of a table of rows to row `to` of y; rows are `width` numbers.
 *
 * @throws {RangeError} if the table has no such row, where a fast kernel would read foreign memory
 */
export function copyRow(
  table: HostData,
  y: HostData,
  { from, to, width }: { readonly from: number; readonly to: number; readonly width: number },
): void {
  if (from < 0 || (from + 1) * width > table.length) {
    throw new RangeError(`Cannot read row ${from}: the table has ${table.length / width}`);
  }
  y.set(table.subarray(from * width, (from + 1) * width), to * width);
}

/** The last extent of a shape, or one counted from the end with −1, −2, … */
export function extent(view: View, index: number): number {
  return view.shape.at(index)!;
}

/**
 * Adds to an output: `add` sums up in f64, from zeros, and the result is rounded once. An absent output is not wanted,
 * and `add` is not called.
 */
export function accumulate(output: View | undefined, add: (sums: Float64Array) => void): void {
  if (output === undefined) return;
  const sums = new Float64Array(output.data.length);
  add(sums);
  for (let i = 0; i < sums.length; i++) output.data[i]! += sums[i]!;
}
