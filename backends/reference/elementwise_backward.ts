/**
 * Backward of the kernels that treat every element on its own: accumulate (for add and scale), geluBackward,
 * swigluBackward.
 *
 * @module
 */
import type { GeluKind } from "../../core/graph/kernels.ts";
import { erf, sigmoid } from "./elementwise.ts";
import { accumulate as addTo, type Operands } from "./operands.ts";

/** y += factor · x, where x repeats y's shape. */
export function accumulate({ x, y, factor }: Operands<"accumulate">): void {
  const period = y.data.length;
  addTo(y, (sums) => {
    for (let i = 0; i < x.data.length; i++) sums[i % period]! += factor * x.data[i]!;
  });
}

/** dx += gelu′(x) · dy. */
export function geluBackward({ x, dy, dx, kind }: Operands<"geluBackward">): void {
  const slope = slopes[kind];
  addTo(dx, (sums) => {
    for (let i = 0; i < sums.length; i++) sums[i]! += slope(x.data[i]!) * dy.data[i]!;
  });
}

/** dgate += up · silu′(gate) · dy, dup += silu(gate) · dy. */
export function swigluBackward({ gate, up, dy, dgate, dup }: Operands<"swigluBackward">): void {
  addTo(dgate, (sums) => {
    for (let i = 0; i < sums.length; i++) {
      const [x, share] = [gate.data[i]!, sigmoid(gate.data[i]!)];
      sums[i]! += up.data[i]! * share * (1 + x * (1 - share)) * dy.data[i]!;
    }
  });
  addTo(dup, (sums) => {
    for (let i = 0; i < sums.length; i++) sums[i]! += gate.data[i]! * sigmoid(gate.data[i]!) * dy.data[i]!;
  });
}

/** Slope of each flavour. */
const slopes: Readonly<Record<GeluKind, (x: number) => number>> = {
  quick(x) {
    const share = sigmoid(1.702 * x);
    return share * (1 + 1.702 * x * (1 - share));
  },
  tanh(x) {
    const rate = Math.sqrt(2 / Math.PI);
    const bend = Math.tanh(rate * (x + 0.044715 * x ** 3));
    return 0.5 * (1 + bend) + 0.5 * x * (1 - bend ** 2) * rate * (1 + 3 * 0.044715 * x ** 2);
  },
  erf(x) {
    const density = Math.exp(-0.5 * x ** 2) / Math.sqrt(2 * Math.PI);
    return 0.5 * (1 + erf(x * Math.SQRT1_2)) + x * density;
  },
};
