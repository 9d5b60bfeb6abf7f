/**
 * What the encoders of commands have in common.
 *
 * @module
 */
import type { KernelName, Windows } from "../../core/graph/kernels.ts";
import { elementCount, type Tensor } from "../../core/graph/tensor.ts";
import type { Opcode } from "./assembly/opcodes.ts";
import { packedCount } from "./panels.ts";

/** Kernels of training. */
export type BackwardName = Extract<
  KernelName,
  `${string}Backward${string}` | "accumulate" | "sumOfSquares" | "clipFactor" | "adamw"
>;

/** Where a tensor lies; 0 for an absent one. */
export type Locate = (tensor: Tensor | undefined) => number;

/** One command. */
export interface Step {
  /** What to run. */
  readonly opcode: Opcode;
  /** Its operands, in the order that assembly/run.ts reads them. */
  readonly operands: readonly number[];
  /** Whether it reads or writes the memory that steps share. */
  readonly shares: boolean;
  /** It only runs if the number at an address is above a bound. Default it always does. */
  readonly guard?: { readonly address: number; readonly bound: number } | undefined;
}

const bits = new DataView(new ArrayBuffer(4));

/** The bit pattern of an f32. */
export function float(value: number): number {
  bits.setFloat32(0, value);
  return bits.getInt32(0);
}

/** Elements of a tensor. */
export function count(tensor: Tensor): number {
  return elementCount(tensor.shape);
}

/** Elements of a tensor as they lie in memory, the rows that fill up a matrix's last panel included. */
export function stored(tensor: Tensor): number {
  return tensor.layout === "matrix" ? packedCount(tensor) : count(tensor);
}

/** Last extent of a tensor. */
export function width(tensor: Tensor): number {
  return tensor.shape.at(-1)!;
}

/** Product of all extents but the last. */
export function rows(tensor: Tensor): number {
  return count(tensor) / width(tensor);
}

/** Extents of an image and its windows: B, H, W, C, OH, OW, window, stride, padding. */
export function windowExtents(
  image: Tensor,
  unfolded: Tensor,
  { window, stride, padding }: Windows,
): readonly number[] {
  return [...image.shape, ...unfolded.shape.slice(1, 3), window, stride, padding];
}

/** Numbers of the GELU kinds. */
export const geluKinds = { quick: 0, tanh: 1, erf: 2 } as const;
