/**
 * Reads eight-bit tensors of safetensors files: `<name>`, I8 [rows, in], and beside it `<name>.scale`, F16 [rows, in/32].
 *
 * @module
 */
import { sameShape } from "../core/graph/tensor.ts";
import type { CheckpointTensor } from "./checkpoint.ts";

/** What the name of a tensor's scales ends in. */
export const scaleSuffix = ".scale";

/** Numbers that share a scale. */
export const blockSize = 32;

/** Whether a tensor is worth eight bits, and can have them: a matrix of whole blocks. */
export function isQuantisable(shape: readonly number[]): boolean {
  return shape.length >= 2 && shape[0]! > 1 && shape.at(-1)! % blockSize === 0;
}

/** Shape of the scales of a tensor. */
export function scaleShape(shape: readonly number[]): number[] {
  return [...shape.slice(0, -1), shape.at(-1)! / blockSize];
}

/** Puts the pairs of a file together. Tensors without a partner stay as they are. */
export function joinQuantised(tensors: ReadonlyMap<string, CheckpointTensor>): Map<string, CheckpointTensor> {
  const joined = new Map(tensors);
  for (const [name, codes] of tensors) {
    const scales = tensors.get(name + scaleSuffix);
    if (codes.dtype !== "I8" || scales?.dtype !== "F16" || !isQuantisable(codes.shape)) continue;
    if (!sameShape(scales.shape, scaleShape(codes.shape))) continue;
    const toFloat32 = (scratch?: Float32Array) => applyScales(codes.toFloat32(scratch), scales.toFloat32());
    joined.set(name, { dtype: "Q8", shape: codes.shape, toFloat32 });
    joined.delete(name + scaleSuffix);
  }
  return joined;
}

/** Multiplies codes, as numbers, by the scales of their blocks, in place. */
export function applyScales(codes: Float32Array, scales: Float32Array): Float32Array {
  for (let block = 0, i = 0; block < scales.length; block++) {
    const scale = scales[block]!;
    for (const end = i + blockSize; i < end; i++) codes[i] = codes[i]! * scale;
  }
  return codes;
}
