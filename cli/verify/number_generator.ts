/**
 * The numbers of the golden cases: mulberry32 as a stream that can be entered at any place.
 *
 * Draw i of seed s mixes `s + (i + 1) · 0x6D2B79F5`, so a tensor's numbers need only their offset in the stream.
 *
 * @module
 */

/** Where a run of draws lies in a stream. */
export interface Draws {
  /** Seed of the stream. */
  readonly seed: number;
  /** Draws before the first one. Default 0. */
  readonly offset?: number | undefined;
  /** Number of draws. */
  readonly count: number;
}

const step = 0x6d2b79f5;

/** Fills an array with `map(u)` for each draw u, uniform in 0…1 with 32 bits. */
function draw<T extends Float32Array | Int32Array>(
  into: T,
  { seed, offset = 0 }: Draws,
  map: (u: number) => number,
): T {
  let a = (seed + Math.imul(offset, step)) | 0;
  for (let i = 0; i < into.length; i++) {
    a = (a + step) | 0;
    let t = Math.imul(a ^ (a >>> 15), 1 | a);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    into[i] = map(((t ^ (t >>> 14)) >>> 0) / 2 ** 32);
  }
  return into;
}

/** Floats uniform in center ± amplitude, computed in f64 and rounded once. */
export function drawFloats(draws: Draws, range: { amplitude: number; center?: number | undefined }): Float32Array {
  const { amplitude, center = 0 } = range;
  return draw(new Float32Array(draws.count), draws, (u) => center + amplitude * (2 * u - 1));
}

/** Integers uniform from `low` to below `high`. */
export function drawIntegers(draws: Draws, range: { low: number; high: number }): Int32Array {
  const { low, high } = range;
  return draw(new Int32Array(draws.count), draws, (u) => low + Math.floor(u * (high - low)));
}
