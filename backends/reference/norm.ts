/**
 * Kernels that normalise the last dimension: rmsNorm, layerNorm.
 *
 * @module
 */
import type { Operands } from "./operands.ts";

/** y = x / √(mean(x²) + eps) · weight (Zhang and Sennrich 2019). */
export function rmsNorm({ x, weight, y, eps }: Operands<"rmsNorm">): void {
  const width = weight.data.length;
  for (let row = 0; row < x.data.length; row += width) {
    let squares = 0;
    for (let i = 0; i < width; i++) squares += x.data[row + i]! ** 2;
    const factor = 1 / Math.sqrt(squares / width + eps);
    for (let i = 0; i < width; i++) y.data[row + i] = x.data[row + i]! * factor * weight.data[i]!;
  }
}

/** y = (x − mean) / √(variance + eps) · weight + bias (Ba et al. 2016); the variance divides by D. */
export function layerNorm({ x, weight, bias, y, eps }: Operands<"layerNorm">): void {
  const width = weight.data.length;
  for (let row = 0; row < x.data.length; row += width) {
    let sum = 0;
    for (let i = 0; i < width; i++) sum += x.data[row + i]!;
    const mean = sum / width;
    let squares = 0;
    for (let i = 0; i < width; i++) squares += (x.data[row + i]! - mean) ** 2;
    const factor = 1 / Math.sqrt(squares / width + eps);
    for (let i = 0; i < width; i++) {
      y.data[row + i] = (x.data[row + i]! - mean) * factor * weight.data[i]! + bias.data[i]!;
    }
  }
}
