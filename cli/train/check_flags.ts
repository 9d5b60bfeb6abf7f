/**
 * Values of flags that nothing else would refuse.
 *
 * @module
 */
import type { TrainFlagValues } from "./settings.ts";

/** Numbers that nothing else would refuse, and what they must be. */
const ranges: readonly (readonly [name: keyof TrainFlagValues, is: (value: number) => boolean, expected: string])[] = [
  ["learning-rate", (value) => value > 0, "above 0"],
  ["grad-clip", (value) => value > 0, "above 0"],
  ["weight-decay", (value) => value >= 0, "0 or above"],
  ["warmup-steps", (value) => Number.isInteger(value) && value >= 0, "a whole number of 0 or above"],
  ["samples", (value) => Number.isInteger(value) && value >= 0, "a whole number of 0 or above"],
  ["max-images", (value) => Number.isInteger(value) && value >= 0, "a whole number of 0 or above"],
  ["token-dropout", (value) => value >= 0 && value < 1, "from 0 to below 1"],
  ["image-memory", (value) => value >= 0, "0 or above"],
  ["seed", Number.isInteger, "a whole number"],
  ["use-moe", (value) => value === 0 || value === 1, "0 or 1"],
];

/**
 * Checks numbers.
 *
 * @throws {TypeError} naming the flag
 */
export function checkNumbers(flags: TrainFlagValues): void {
  for (const [name, is, expected] of ranges) {
    const value = flags[name];
    if (typeof value !== "number" || is(value)) continue;
    throw new TypeError(`Cannot read flag "--${name}": ${value} is not ${expected}`);
  }
}

/**
 * One of two words.
 *
 * @throws {TypeError} if it is another
 */
export function choice<const Word extends string>(
  flags: TrainFlagValues,
  name: "on-bad-row" | "accumulation-tail",
  words: readonly [Word, Word],
): Word | undefined {
  const given = flags[name];
  const word = words.find((word) => word === given);
  if (word !== undefined || given === undefined) return word;
  throw new TypeError(`Cannot read flag "--${name}": "${given}" is neither ${words.join(" nor ")}`);
}
