/**
 * Kernels that treat every element on its own: fill, add, scale, advance, gelu, swiglu.
 *
 * @module
 */
import type { Operands } from "./operands.ts";

/** y = value. */
export function fill({ y, value }: Operands<"fill">): void {
  y.data.fill(value);
}

/** y = a + b, where b repeats. */
export function add({ a, b, y }: Operands<"add">): void {
  const period = b.data.length;
  for (let start = 0; start < y.data.length; start += period) {
    for (let i = 0; i < period; i++) y.data[start + i] = a.data[start + i]! + b.data[i]!;
  }
}

/** y = factor · x. */
export function scale({ x, y, factor }: Operands<"scale">): void {
  for (let i = 0; i < y.data.length; i++) y.data[i] = factor * x.data[i]!;
}

/** counter += by. */
export function advance({ counter, by }: Operands<"advance">): void {
  for (let i = 0; i < counter.data.length; i++) counter.data[i]! += by;
}

/** y = gelu(x) in one of three flavours (Hendrycks and Gimpel 2016). */
export function gelu({ x, y, kind }: Operands<"gelu">): void {
  const flavour = { quick: quickGelu, tanh: tanhGelu, erf: erfGelu }[kind];
  for (let i = 0; i < y.data.length; i++) y.data[i] = flavour(x.data[i]!);
}

/** y = gate · sigmoid(gate) · up. */
export function swiglu({ gate, up, y }: Operands<"swiglu">): void {
  for (let i = 0; i < y.data.length; i++) y.data[i] = gate.data[i]! * sigmoid(gate.data[i]!) * up.data[i]!;
}

/** 1 / (1 + e⁻ˣ); e⁻ˣ may overflow to infinity, the result then is 0. */
export function sigmoid(x: number): number {
  return 1 / (1 + Math.exp(-x));
}

function quickGelu(x: number): number {
  return x * sigmoid(1.702 * x);
}

function tanhGelu(x: number): number {
  return 0.5 * x * (1 + Math.tanh(Math.sqrt(2 / Math.PI) * (x + 0.044715 * x ** 3)));
}

function erfGelu(x: number): number {
  return 0.5 * x * (1 + erf(x * Math.SQRT1_2));
}

/**
 * The error function to about 1e-15: 2/√π · e^(−x²) · Σ 2ⁿ x²ⁿ⁺¹ / (2n + 1)!! (Abramowitz and Stegun 7.1.6).
 * Every term has the sign of x, so nothing cancels.
 */
export function erf(x: number): number {
  if (Math.abs(x) > 6) return Math.sign(x);
  let term = x;
  let sum = x;
  for (let n = 1; Math.abs(term) > 1e-17 * Math.abs(sum); n++) {
    term *= (2 * x * x) / (2 * n + 1);
    sum += term;
  }
  return (2 / Math.sqrt(Math.PI)) * Math.exp(-x * x) * sum;
}
