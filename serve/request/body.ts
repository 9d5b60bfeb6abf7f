/**
 * Reads the fields of a request. A field that nobody reads is an error, so that none is passed over.
 *
 * @module
 */
import { ApiError } from "../api_error.ts";
import { shorten } from "../shorten.ts";

/** A range of numbers, bounds included. */
export interface NumberRange {
  /** The least. Default none. */
  readonly min?: number | undefined;
  /** The most. Default none. */
  readonly max?: number | undefined;
  /** Whether it must be whole. Default false. */
  readonly whole?: boolean | undefined;
}

/** The fields of one JSON object; null counts as absent. */
export class Body {
  readonly #values: Readonly<Record<string, unknown>>;
  readonly #path: string;
  readonly #read = new Set<string>();

  /**
   * Wraps a parsed JSON value; `path` names it within the request.
   *
   * @throws {ApiError} if it is not an object
   */
  constructor(value: unknown, path = "") {
    if (typeof value !== "object" || value === null || Array.isArray(value)) {
      throw new ApiError(`Cannot read ${path === "" ? "the request" : `"${path}"`}: it is not an object`, {
        param: path === "" ? undefined : path,
      });
    }
    this.#values = value as Readonly<Record<string, unknown>>;
    this.#path = path;
  }

  /** Name of a field within the request. */
  place(key: string): string {
    return this.#path === "" ? key : `${this.#path}.${key}`;
  }

  /** The value of a field as it stands; undefined when it is absent. */
  raw(key: string): unknown {
    this.#read.add(key);
    return (Object.hasOwn(this.#values, key) ? this.#values[key] : undefined) ?? undefined;
  }

  /** The error of a field whose value cannot be used. */
  error(key: string, problem: string): ApiError {
    return new ApiError(`Cannot use "${this.place(key)}": ${problem}`, { param: this.place(key) });
  }

  /** A text. */
  text(key: string): string | undefined {
    return this.#check(key, (value): value is string => typeof value === "string", "a text");
  }

  /** True or false. */
  boolean(key: string): boolean | undefined {
    return this.#check(key, (value): value is boolean => typeof value === "boolean", "true or false");
  }

  /** A number within a range. */
  number(key: string, range: NumberRange = {}): number | undefined {
    const { min = -Infinity, max = Infinity, whole = false } = range;
    const fine = (value: unknown): value is number =>
      typeof value === "number" && value >= min && value <= max && (!whole || Number.isSafeInteger(value));
    const bounds = [min > -Infinity && `at least ${min}`, max < Infinity && `at most ${max}`].filter(Boolean);
    return this.#check(key, fine, [`a ${whole ? "whole " : ""}number`, bounds.join(" and ")].join(" ").trim());
  }

  /** One of a few texts. */
  choice<Choice extends string>(key: string, choices: readonly Choice[]): Choice | undefined {
    const fine = (value: unknown): value is Choice => choices.some((choice) => choice === value);
    return this.#check(key, fine, choices.map((choice) => `"${choice}"`).join(" or "));
  }

  /** A list. */
  list(key: string): readonly unknown[] | undefined {
    return this.#check(key, (value): value is unknown[] => Array.isArray(value), "a list");
  }

  /** The fields of an object inside. */
  object(key: string): Body | undefined {
    const value = this.raw(key);
    return value === undefined ? undefined : new Body(value, this.place(key));
  }

  /**
   * A field that changes nothing at one value and is not to be had at any other.
   *
   * @throws {ApiError} if it has another one
   */
  only(key: string, ...neutral: readonly (string | number | boolean | "empty")[]): void {
    const value = this.raw(key);
    if (value === undefined || neutral.some((each) => each === value)) return;
    const isEmpty = typeof value === "object" && Object.keys(value as object).length === 0;
    if (isEmpty && neutral.includes("empty")) return;
    throw new ApiError(`Cannot use "${this.place(key)}": it is not supported here`, {
      param: this.place(key),
      code: "unsupported_parameter",
    });
  }

  /**
   * Ends reading.
   *
   * @throws {ApiError} naming a field that was not read
   */
  end(): void {
    const odd = Object.keys(this.#values).find((key) => !this.#read.has(key));
    if (odd === undefined) return;
    const place = this.place(shorten(odd));
    throw new ApiError(`Cannot use "${place}": there is no such field`, {
      param: place,
      code: "unknown_parameter",
    });
  }

  #check<Value>(key: string, fine: (value: unknown) => value is Value, expected: string): Value | undefined {
    const value = this.raw(key);
    if (value === undefined) return undefined;
    if (!fine(value)) throw this.error(key, `${shorten(JSON.stringify(value))} is not ${expected}`);
    return value;
  }
}
