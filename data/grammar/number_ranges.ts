/**
 * Rules of numbers within bounds.
 *
 * @module
 */
import type { JsonObject } from "../tokenizer/json_object.ts";
import {
  anyFraction,
  anyInteger,
  anyNumber,
  digitsBetween,
  fractionAboveZero,
  integersBetween,
  largestBeforeFraction,
  largestInteger,
} from "./json_numbers.ts";
import { choice, read, type Rule, sequence } from "./rules.ts";
import { fail } from "./schema_parts.ts";

/** Bounds of a number. */
interface Bounds {
  /** Smallest integer. */
  readonly min: number;
  /** Largest integer. */
  readonly max: number;
  /** What every number is above, or at least; −Infinity where the schema has no such bound. */
  readonly above: number;
  /** What every number is below, or at most. */
  readonly below: number;
}

/**
 * The integers that a schema allows.
 *
 * @throws {SchemaError} if a bound is no number, or there is none between them
 */
export function integerRule(schema: JsonObject, path: string): Rule {
  const { min, max } = boundsOf(schema, path);
  if (min === -largestInteger && max === largestInteger) return read(anyInteger);
  if (min > max) throw fail(path, `no integer is from ${min} to ${max}`);
  return choice(...integersBetween({ min, max }).map(read));
}

/**
 * The numbers that a schema allows; within bounds without an exponent, and with a fraction only after integers that all
 * fractions may follow.
 *
 * @throws {SchemaError} if a bound is no number, or no such number is between them
 */
export function numberRule(schema: JsonObject, path: string): Rule {
  const { min, max, above, below } = boundsOf(schema, path);
  if (above === -Infinity && below === Infinity) return read(anyNumber);
  // Whatever follows the point of i is in i … i + 1; where a bound itself is not allowed, it is not 0.
  const fractions = (sign: "" | "-", [low, high]: readonly [number, number], excluded: boolean) => {
    const whole = { min: Math.max(0, Math.ceil(low)), max: Math.min(largestBeforeFraction, Math.floor(high) - 1) };
    const fraction = read(excluded ? fractionAboveZero : anyFraction);
    return digitsBetween(sign, whole).map((automaton) => sequence(read(automaton), fraction));
  };
  const rules = [
    ...integersBetween({ min, max }).map(read),
    ...fractions("", [above, below], min > Math.ceil(above)),
    ...fractions("-", [-below, -above], max < Math.floor(below)),
  ];
  if (rules.length === 0) throw fail(path, `numbers from ${above} to ${below} are not supported: they have no integer`);
  return choice(...rules);
}

function boundsOf(schema: JsonObject, path: string): Bounds {
  const bound = (key: string, fallback: number) => {
    const value = schema[key] ?? fallback;
    if (typeof value !== "number" || Number.isNaN(value)) throw fail(`${path}/${key}`, "it is no number");
    return value;
  };
  const [minimum, over] = [bound("minimum", -Infinity), bound("exclusiveMinimum", -Infinity)];
  const [maximum, under] = [bound("maximum", Infinity), bound("exclusiveMaximum", Infinity)];
  return {
    min: Math.max(-largestInteger, Math.ceil(minimum), Math.floor(over) + 1),
    max: Math.min(largestInteger, Math.floor(maximum), Math.ceil(under) - 1),
    above: Math.max(minimum, over),
    below: Math.min(maximum, under),
  };
}
