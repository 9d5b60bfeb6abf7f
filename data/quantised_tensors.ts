/**
 * Eight-bit tensors in safetensors files: `<name>`, I8 [rows, in], and beside it `<name>.scale`, F16 [rows, in/32].
 *
 * @module
 */
import { sameShape } from "../core/graph/tensor.ts";
import type { CheckpointTensor } from "./checkpoint.ts";
import { applyScales, blockSize, quantise } from "./quantise.ts";
import type { SavedTensor } from "./saved_tensor.ts";

const suffix = ".scale";

/** Whether a tensor is worth eight bits, and can have them: a matrix of whole blocks. */
export function isQuantisable(shape: readonly number[]): boolean {
  return shape.length >= 2 && shape[0]! > 1 && shape.at(-1)! % blockSize === 0;
}

function scaleShape(shape: readonly number[]): number[] {
  return [...shape.slice(0, -1), shape.at(-1)! / blockSize];
}

/** The two tensors that a file has for one, by name. Numbers are asked for, and rounded, when a tensor is written. */
export function splitQuantised(
  name: string,
  { shape, values }: { readonly shape: readonly number[]; readonly values: () => Float32Array },
): [string, SavedTensor][] {
  const bytesOf = ({ buffer, byteOffset, byteLength }: ArrayBufferView) =>
    new Uint8Array(buffer as ArrayBuffer, byteOffset, byteLength);
  return [
    [name, { dtype: "I8", shape, toBytes: () => bytesOf(quantise(values()).codes) }],
    [name + suffix, { dtype: "F16", shape: scaleShape(shape), toBytes: () => bytesOf(quantise(values()).scales) }],
  ];
}

/** Puts the pairs of a file together. Tensors without a partner stay as they are. */
export function joinQuantised(tensors: ReadonlyMap<string, CheckpointTensor>): Map<string, CheckpointTensor> {
  const joined = new Map(tensors);
  for (const [name, codes] of tensors) {
    const scales = tensors.get(name + suffix);
    if (codes.dtype !== "I8" || scales?.dtype !== "F16" || !isQuantisable(codes.shape)) continue;
    if (!sameShape(scales.shape, scaleShape(codes.shape))) continue;
    const toFloat32 = (scratch?: Float32Array) => applyScales(codes.toFloat32(scratch), scales.toFloat32());
    joined.set(name, { dtype: "Q8", shape: codes.shape, toFloat32 });
    joined.delete(name + suffix);
  }
  return joined;
}
