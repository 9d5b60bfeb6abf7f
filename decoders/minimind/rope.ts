/**
 * Tables of rotary position embedding (Su et al. 2021), rounded as upstream rounds them.
 *
 * Every step is rounded to f32: at position 32767, angles in f64 would already be off by 5e-4.
 *
 * @module
 */
import type { MiniMindOptions } from "./options.ts";

/** What the tables depend on. */
export type RopeOptions = Pick<MiniMindOptions, "headDim" | "ropeTheta" | "maxPositionEmbeddings" | "ropeScaling">;

/** cos and sin of every position's angles. */
export interface RopeTables {
  /** `[rows, C/2]`. */
  readonly cos: Float32Array;
  /** `[rows, C/2]`. */
  readonly sin: Float32Array;
}

/**
 * The first `rows` rows of the tables; pair i of position t turns by t · {@link ropeFrequencies}[i].
 *
 * The attention factor of YaRN scales them also where it stretches nothing.
 */
export function ropeTables(options: RopeOptions, rows: number): RopeTables {
  const frequencies = ropeFrequencies(options);
  const half = frequencies.length;
  const factor = Math.fround(options.ropeScaling?.attentionFactor ?? 1);
  const cos = new Float32Array(rows * half);
  const sin = new Float32Array(rows * half);
  for (let t = 0; t < rows; t++) {
    for (let i = 0; i < half; i++) {
      const angle = Math.fround(t * frequencies[i]!);
      cos[t * half + i] = Math.fround(Math.cos(angle)) * factor;
      sin[t * half + i] = Math.fround(Math.sin(angle)) * factor;
    }
  }
  return { cos, sin };
}

/** Turn per position of each pair, in radians, `[C/2]`: theta^(−2i/C), stretched by YaRN where it is on. */
export function ropeFrequencies(options: RopeOptions): Float32Array {
  const { headDim, ropeTheta } = options;
  const stretch = yarnStretch(options);
  return Float32Array.from({ length: headDim / 2 }, (_, i) => {
    return Math.fround(1 / power(ropeTheta, Math.fround(2 * i / headDim))) * stretch(i);
  });
}

/** (exp(x) − 1 − x) / x² as a polynomial, highest power first: SLEEF's `expkf`. */
const expSeries = [
  0.00136324646882712841,
  0.00836596917361021041,
  0.0416710823774337769,
  0.166665524244308472,
  0.499999850988388062,
].map(Math.fround);

/**
 * base^exponent in f32 as PyTorch's vectorised loops compute it, by SLEEF's `powf`.
 *
 * That is not always the nearest f32: for base 1e4 and exponent 40/96 it is the second nearest, and a last digit here is
 * 7e-5 in the table at position 32767.
 */
function power(base: number, exponent: number): number {
  const log = Math.log(base) * exponent;
  const twos = Math.round(log / Math.LN2);
  const rest = log - twos * Math.LN2;
  const x = Math.fround(rest);
  const series = expSeries.reduce((u, c) => Math.fround(u * x + c));
  return Math.fround(1 + (rest + rest * rest * series)) * 2 ** twos;
}

/**
 * Factor on frequency i: 1 for fast ones, 1/factor for slow ones, a ramp between.
 *
 * It holds at every position as soon as the model allows more than the original ones, as upstream has it.
 */
function yarnStretch(options: RopeOptions): (i: number) => number {
  const { headDim, ropeTheta, ropeScaling: yarn, maxPositionEmbeddings } = options;
  if (yarn === undefined || maxPositionEmbeddings <= yarn.originalMaxPositionEmbeddings) return () => 1;
  // The pair whose angle makes this many turns over the original positions.
  const pairWith = (turns: number) =>
    headDim * Math.log(yarn.originalMaxPositionEmbeddings / (turns * 2 * Math.PI)) / (2 * Math.log(ropeTheta));
  const low = Math.max(Math.floor(pairWith(yarn.betaFast)), 0);
  const high = Math.min(Math.ceil(pairWith(yarn.betaSlow)), headDim / 2 - 1);
  const width = Math.fround(Math.max(high - low, 0.001));
  return (i) => {
    const ramp = Math.min(Math.max(Math.fround((i - low) / width), 0), 1);
    return Math.fround(Math.fround(1 - ramp) + Math.fround(ramp / Math.fround(yarn.factor)));
  };
}
