/**
 * Resampling filters, and their weights in the fixed-point numbers that Pillow computes with.
 *
 * Source: `src/libImaging/Resample.c` of Pillow (`precompute_coeffs`, `normalize_coeffs_8bpc`).
 *
 * @module
 */

/** Names of the filters. */
export type ResizeFilter = "bilinear" | "bicubic" | "lanczos";

/** How much a pixel counts at a distance, and how far it counts at all, in pixels of the larger image. */
interface Filter {
  readonly support: number;
  readonly weight: (distance: number) => number;
}

const filters: Readonly<Record<ResizeFilter, Filter>> = {
  bilinear: { support: 1, weight: (x) => Math.max(0, 1 - Math.abs(x)) },
  bicubic: { support: 2, weight: bicubic },
  lanczos: { support: 3, weight: (x) => x >= -3 && x < 3 ? sinc(x) * sinc(x / 3) : 0 },
};

/** Cubic convolution with a = −0.5 (Keys 1981). */
function bicubic(distance: number): number {
  const a = -0.5;
  const x = Math.abs(distance);
  if (x < 1) return ((a + 2) * x - (a + 3)) * x * x + 1;
  return x < 2 ? (((x - 5) * x + 8) * x - 4) * a : 0;
}

function sinc(x: number): number {
  return x === 0 ? 1 : Math.sin(x * Math.PI) / (x * Math.PI);
}

/** Bits behind the point: 32 less 8 of a pixel, 1 for the sign, 1 for weights that overshoot. */
export const fractionBits = 22;

/** Which pixels each of a run of output pixels is made of, and how much each counts. */
export interface ResizeWeights {
  /** First input pixel of each output pixel. */
  readonly starts: Int32Array;
  /** Input pixels of each output pixel. */
  readonly counts: Int32Array;
  /** Most input pixels of an output pixel. */
  readonly taps: number;
  /** Weights of each output pixel's input pixels, in units of 2^−22, `[outputs,taps]`. */
  readonly weights: Int32Array;
}

/** One dimension of a resize. */
export interface ResizeAxis {
  /** Input pixels. */
  readonly from: number;
  /** Output pixels, of the whole image. */
  readonly to: number;
  /** First output pixel that is wanted. */
  readonly start: number;
  /** Number of output pixels that are wanted. */
  readonly count: number;
}

/** The weights of some output pixels. Shrinking widens the filter, so that every input pixel counts (antialiasing). */
export function resizeWeights({ from, to, start, count }: ResizeAxis, name: ResizeFilter): ResizeWeights {
  const filter = filters[name];
  const scale = from / to;
  const widening = Math.max(scale, 1);
  const support = filter.support * widening;
  const taps = Math.ceil(support) * 2 + 1;
  const starts = new Int32Array(count);
  const counts = new Int32Array(count);
  const weights = new Int32Array(count * taps);
  const exact = new Float64Array(taps);
  for (let i = 0; i < count; i++) {
    const center = (start + i + 0.5) * scale;
    const first = Math.max(0, Math.trunc(center - support + 0.5));
    const taken = Math.min(from, Math.trunc(center + support + 0.5)) - first;
    let sum = 0;
    for (let k = 0; k < taken; k++) {
      exact[k] = filter.weight((k + first - center + 0.5) * (1 / widening));
      sum += exact[k]!;
    }
    for (let k = 0; k < taken; k++) {
      const weight = (sum === 0 ? exact[k]! : exact[k]! / sum) * 2 ** fractionBits;
      weights[i * taps + k] = Math.trunc(weight < 0 ? weight - 0.5 : weight + 0.5);
    }
    [starts[i], counts[i]] = [first, taken];
  }
  return { starts, counts, taps, weights };
}
