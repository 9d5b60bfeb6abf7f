/**
 * Softmax over an array, shared by the kernels that need one.
 *
 * @module
 */

/** Turns the first `length` logits into probabilities, in place; −∞ gives 0. */
export function softmax(values: Float64Array, length: number = values.length): void {
  let max = -Infinity;
  for (let i = 0; i < length; i++) max = Math.max(max, values[i]!);
  let sum = 0;
  for (let i = 0; i < length; i++) sum += values[i] = Math.exp(values[i]! - max);
  for (let i = 0; i < length; i++) values[i]! /= sum;
}
