/**
 * Reads the fields of a JSON object such as a `config.json`: types, ranges, defaults, other names of a key.
 *
 * @module
 */
import { ConfigError } from "./errors.ts";

/** A key, or the names it goes by, the first one for messages. */
export type Key = string | readonly string[];

/** The fields of one JSON object. An absent field takes the fallback, a wrong one is an error that names its key. */
export class Fields {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #what: string;

  /**
   * Wraps a parsed JSON value; `what` names it in messages.
   *
   * @throws {ConfigError} if it is not an object
   */
  constructor(value: unknown, what: string) {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new ConfigError(`Cannot read "${what}": ${show(value)} is not an object`);
    }
    this.#values = value as Readonly<Record<string, unknown>>;
    this.#what = what;
  }

  /** Whether a field is there and not null. */
  has(key: Key): boolean {
    return this.#read(key) !== undefined;
  }

  /** A whole number of at least `minimum`, 1 by default. */
  integer(key: Key, fallback: number, minimum = 1): number {
    const fine = (value: unknown): value is number => Number.isSafeInteger(value) && (value as number) >= minimum;
    return this.#check(key, { fallback, fine, expected: `a whole number of ${minimum} or more` });
  }

  /** Whole numbers of at least `minimum`, 1 by default; at least one of them. */
  integers(key: Key, fallback: readonly number[], minimum = 1): readonly number[] {
    const fine = (value: unknown): value is readonly number[] =>
      Array.isArray(value) && value.length > 0 &&
      value.every((item) => Number.isSafeInteger(item) && item >= minimum);
    return this.#check(key, { fallback, fine, expected: `a list of whole numbers of ${minimum} or more` });
  }

  /** A finite number above 0, or from 0 on with `orZero`. */
  number(key: Key, fallback: number, { orZero = false }: { readonly orZero?: boolean | undefined } = {}): number {
    const fine = (value: unknown): value is number =>
      Number.isFinite(value) && ((value as number) > 0 || (orZero && value === 0));
    return this.#check(key, { fallback, fine, expected: `a number ${orZero ? "of 0 or more" : "above 0"}` });
  }

  /** True or false. */
  boolean(key: Key, fallback: boolean): boolean {
    const fine = (value: unknown): value is boolean => typeof value === "boolean";
    return this.#check(key, { fallback, fine, expected: "true or false" });
  }

  /** One of a few values. */
  choice<Choice extends string | number>(key: Key, choices: readonly Choice[], fallback: Choice): Choice {
    const fine = (value: unknown): value is Choice => choices.some((choice) => choice === value);
    return this.#check(key, { fallback, fine, expected: choices.map(show).join(" or ") });
  }

  /** The fields of an object inside, or undefined when it is absent. */
  object(key: Key): Fields | undefined {
    const value = this.#read(key);
    return value === undefined ? undefined : new Fields(value, `${this.#what}.${nameOf(key)}`);
  }

  /** The error of a field whose value cannot be used. */
  error(key: Key, problem: string): ConfigError {
    return new ConfigError(`Cannot read "${nameOf(key)}" of "${this.#what}": ${problem}`);
  }

  #read(key: Key): unknown {
    const names = typeof key === "string" ? [key] : key;
    const given = names.filter((name) => (this.#values[name] ?? undefined) !== undefined);
    const [first, ...others] = given.map((name) => this.#values[name]);
    if (others.some((other) => show(other) !== show(first))) {
      throw this.error(key, `${given.map((name) => `"${name}" is ${show(this.#values[name])}`).join(" but ")}`);
    }
    return first;
  }

  #check<Value>(
    key: Key,
    { fallback, fine, expected }: { fallback: Value; fine(value: unknown): value is Value; expected: string },
  ): Value {
    const value = this.#read(key);
    if (value === undefined) return fallback;
    if (!fine(value)) throw this.error(key, `${show(value)} is not ${expected}`);
    return value;
  }
}

function nameOf(key: Key): string {
  return typeof key === "string" ? key : key[0]!;
}

function show(value: unknown): string {
  return JSON.stringify(value) ?? "undefined";
}
