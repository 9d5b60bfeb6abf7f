/**
 * Options of a plugin that has keys of its own: what `Fields` reads, texts and lists, and no unknown key.
 *
 * @module
 */
import { Fields } from "../core/fields.ts";

/** What a set of options is called and may hold. */
export interface OptionNames {
  /** Name for messages. */
  readonly what: string;
  /** The keys there are. */
  readonly keys: readonly string[];
}

/**
 * The options of one plugin. A plugin whose options are a model's `config.json` uses `Fields` alone, for such a file
 * has many keys that concern others; here a key that nobody reads can only be a slip.
 */
export class OptionFields extends Fields {
  readonly #values: Readonly<Record<string, unknown>>;

  /**
   * Wraps the options.
   *
   * @throws {ConfigError} if they are not an object or have an unknown key
   */
  constructor(value: unknown, { what, keys }: OptionNames) {
    super(value, what);
    this.#values = value as Readonly<Record<string, unknown>>;
    const odd = Object.keys(this.#values).find((key) => !keys.includes(key));
    if (odd !== undefined) {
      throw this.error(
        odd,
        `there is no such option, there ${keys.length > 0 ? `are ${keys.join(", ")}` : "are none"}`,
      );
    }
  }

  /** A text of at least one character, or undefined when it is absent. */
  text(key: string): string | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#values[key];
    if (typeof value !== "string" || value === "") throw this.#wrong(key, "a text");
    return value;
  }

  /** Texts of at least one character, or undefined when they are absent. */
  texts(key: string): readonly string[] | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#values[key];
    const fine = Array.isArray(value) && value.every((each) => typeof each === "string" && each !== "");
    if (!fine) throw this.#wrong(key, "a list of texts");
    return value as string[];
  }

  /** Three finite numbers, one a colour channel, or undefined when they are absent. */
  channels(key: string): readonly [red: number, green: number, blue: number] | undefined {
    if (!this.has(key)) return undefined;
    const value = this.#values[key];
    if (!Array.isArray(value) || value.length !== 3 || !value.every(Number.isFinite)) {
      throw this.#wrong(key, "a list of three numbers");
    }
    return value as [number, number, number];
  }

  /** The value of a key as it stands, null counting as absent. */
  raw(key: string): unknown {
    return this.#values[key] ?? undefined;
  }

  #wrong(key: string, expected: string): Error {
    return this.error(key, `${JSON.stringify(this.#values[key])} is not ${expected}`);
  }
}

/** Reads the options of a plugin that has none, so that one given by mistake is not passed over. */
export function noOptions(plugin: string): (input: unknown) => void {
  return (input) => void new OptionFields(input, { what: `options of ${plugin}`, keys: [] });
}
