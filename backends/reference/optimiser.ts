/**
 * The optimiser: sumOfSquares, clipFactor, adamw.
 *
 * @module
 */
import { accumulate, type Operands } from "./operands.ts";

/** y [1] += Σ x². */
export function sumOfSquares({ x, y }: Operands<"sumOfSquares">): void {
  accumulate(y, (sums) => {
    for (let i = 0; i < x.data.length; i++) sums[0]! += x.data[i]! ** 2;
  });
}

/** clip [1] = min(1, limit / (√squares / scale + 1e-6)) / scale, NaN when squares is not finite. */
export function clipFactor({ squares, limit, scale, clip }: Operands<"clipFactor">): void {
  const [sum, most, by] = [squares.data[0]!, limit.data[0]!, scale?.data[0] ?? 1];
  clip.data[0] = Number.isFinite(sum) ? Math.min(1, most / (Math.sqrt(sum) / by + 1e-6)) / by : NaN;
}

/** AdamW (Loshchilov and Hutter 2019) in the order of PyTorch's single-tensor implementation. */
export function adamw({ gradient, clip, settings, parameter, mean, variance }: Operands<"adamw">): void {
  type Settings = [number, number, number, number, number, number];
  const [rate, beta1, beta2, eps, decay, step] = Array.from(settings.data) as Settings;
  const factor = clip.data[0]!;
  if (!Number.isFinite(factor)) return;
  const [correction1, correction2] = [1 - beta1 ** step, 1 - beta2 ** step];
  for (let i = 0; i < parameter.data.length; i++) {
    const g = gradient.data[i]! * factor;
    const m = beta1 * mean.data[i]! + (1 - beta1) * g;
    const v = beta2 * variance.data[i]! + (1 - beta2) * g ** 2;
    const scale = Math.sqrt(v) / Math.sqrt(correction2) + eps;
    parameter.data[i] = parameter.data[i]! * (1 - rate * decay) - (rate / correction1) * m / scale;
    mean.data[i] = m;
    variance.data[i] = v;
  }
}
