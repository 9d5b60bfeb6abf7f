/**
 * How the output of a vision model of another runtime lies in memory, and how it becomes a grid of features.
 *
 * @module
 */
import type { Grid } from "../core/encoder.ts";
import { ConfigError } from "../core/errors.ts";
import { elementCount, formatShape } from "../core/graph/tensor.ts";

/** An output as features. */
export interface FeatureLayout {
  /** The features it gives. */
  readonly grid: Grid;
  /** The output's numbers → features `[N,C]` in C order, a copy. */
  read(data: Float32Array): Float32Array;
}

/** What a layout is made from besides the extents. */
export interface LayoutOptions {
  /** Vectors at the front that belong to no patch, such as a class token. */
  readonly dropFirst: number;
  /** The output for messages. */
  readonly what: string;
}

/**
 * The layout of an output with the given extents: `[1,N,C]`, a row of vectors, or `[1,C,H,W]`, a map of H·W of them.
 *
 * @throws {ConfigError} if it is neither, or has too few vectors to drop the first ones
 */
export function featureLayout(extents: readonly number[], { dropFirst, what }: LayoutOptions): FeatureLayout {
  const fail = (problem: string) => new ConfigError(`Cannot use ${what}: ${problem}`);
  const count = elementCount(extents);
  const check = (data: Float32Array) => {
    if (data.length !== count) throw new RangeError(`Cannot read ${what}: ${data.length} numbers, expected ${count}`);
  };
  const [batch, ...rest] = extents;
  if (batch !== 1 || rest.length < 2 || rest.length > 3 || count === 0) {
    throw fail(`${formatShape(extents)} is neither features [1, N, C] nor a map [1, C, H, W] of one image`);
  }
  if (rest.length === 2) {
    const [tokens, width] = rest as [number, number];
    if (dropFirst >= tokens) throw fail(`the first ${dropFirst} of ${tokens} vectors cannot be dropped`);
    const read = (data: Float32Array) => (check(data), data.slice(dropFirst * width));
    return { grid: { tokens: tokens - dropFirst, width }, read };
  }
  const [width, height, columns] = rest as [number, number, number];
  if (dropFirst > 0) throw fail(`a map ${formatShape(extents)} has no first vectors to drop`);
  const tokens = height * columns;
  const read = (data: Float32Array) => (check(data), transpose(data, { width, tokens }));
  return { grid: { tokens, width }, read };
}

/** `[C,N]` → `[N,C]`. */
function transpose(data: Float32Array, { tokens, width }: Grid): Float32Array {
  const features = new Float32Array(data.length);
  for (let c = 0; c < width; c++) {
    for (let n = 0; n < tokens; n++) features[n * width + c] = data[c * tokens + n]!;
  }
  return features;
}
