/**
 * Eight-bit weights: blocks of 32 numbers along a row, each a whole number from −127 to 127 times the block's scale, a
 * half. The numbers are those of GGML's Q8_0; 8.5 bits a weight.
 *
 * @module
 */
import { widenFloat16 } from "./half_precision.ts";
import { narrowFloat16 } from "./narrow_floats.ts";

/** Numbers that share a scale. */
export const blockSize = 32;

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

/** Multiplies codes, as numbers, by the scales of their blocks, in place. */
export function applyScales(codes: Float32Array, scales: Float32Array): Float32Array {
  for (let block = 0, i = 0; block < scales.length; block++) {
    const scale = scales[block]!;
    for (const end = i + blockSize; i < end; i++) codes[i] = codes[i]! * scale;
  }
  return codes;
}
