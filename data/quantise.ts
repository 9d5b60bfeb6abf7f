/**
 * Eight-bit weights: blocks of 32 numbers along a row, each a whole number from −127 to 127 times the block's scale, a
 * half. The numbers are those of GGML's Q8_0; 8.5 bits a weight.
 *
 * @module
 */
import { widenFloat16 } from "./half_precision.ts";
import { narrowFloat16 } from "./narrow_floats.ts";
import { blockSize, scaleShape, scaleSuffix } from "./quantised_tensors.ts";
import type { SavedTensor } from "./saved_tensor.ts";

/** Numbers in blocks. */
export interface QuantisedValues {
  /** One whole number each. */
  readonly codes: Int8Array;
  /** One half for each block, as its bits. */
  readonly scales: Uint16Array;
}

/** Rounds numbers, as many as whole blocks hold, to the nearest that 8 bits can say. Not for infinite ones. */
export function quantise(values: Float32Array): QuantisedValues {
  const largest = new Float32Array(values.length / blockSize);
  for (let i = 0; i < values.length; i++) {
    const block = Math.floor(i / blockSize);
    largest[block] = Math.max(largest[block]!, Math.abs(values[i]!));
  }
  const scales = narrowFloat16(largest.map((value) => value / 127));
  const steps = widenFloat16(scales);
  const codes = Int8Array.from(values, (value, i) => {
    const step = steps[Math.floor(i / blockSize)]!;
    return step === 0 ? 0 : Math.max(-127, Math.min(127, Math.round(value / step)));
  });
  return { codes, scales };
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
    [name + scaleSuffix, { dtype: "F16", shape: scaleShape(shape), toBytes: () => bytesOf(quantise(values()).scales) }],
  ];
}
