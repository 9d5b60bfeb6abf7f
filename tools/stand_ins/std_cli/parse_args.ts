/**
 * Command-line arguments to an object, after minimist.
 *
 * Left out of the stand-in: dotted names as nested objects, and the types of aliases (they are `unknown`).
 *
 * @module
 */

/** What {@link parseArgs} shall make of the arguments; B, S, C, N are the names listed. */
export interface ParseOptions<
  B extends string = string,
  S extends string = string,
  C extends string = string,
  N extends string = string,
  D extends Record<string, unknown> = Record<string, unknown>,
  DoubleDash extends boolean = boolean,
> {
  /** Whether what follows `--` goes into `"--"` instead of `_`. Default false. */
  "--"?: DoubleDash;
  /** Other names of a flag. */
  alias?: Readonly<Record<string, string | readonly string[]>>;
  /** Flags without a value, false when absent; `true` makes every `--flag` without `=` one. */
  boolean?: boolean | B | readonly B[];
  /** Values of absent flags. */
  default?: D;
  /** Whether everything after the first argument that is no flag goes into `_` unread. Default false. */
  stopEarly?: boolean;
  /** Flags whose value is never made a number or a boolean. */
  string?: S | readonly S[];
  /** Flags that may be given several times; `[]` when absent. */
  collect?: C | readonly C[];
  /** Flags that `--no-flag` sets to false. */
  negatable?: N | readonly N[];
  /** Called for what no option names; returning false leaves it out. */
  unknown?: (arg: string, key?: string, value?: unknown) => unknown;
}

/** Type of one flag. */
type Value<K, T, C, N> = K extends C ? T[] : K extends N ? T | false : T;

/** Flags with their types; one with a default is never absent. */
type Values<B extends string, S extends string, C extends string, N extends string, D> =
  & Record<string, unknown>
  & { [K in B]: Value<K, boolean, C, never> }
  & { [K in Extract<S, C | keyof D>]: Value<K, string, C, N> | (K extends keyof D ? D[K] : never) }
  & { [K in Exclude<S, C | keyof D>]?: Value<K, string, never, N> };

/** What {@link parseArgs} returns: the flags, and in `_` what is none. */
export type Args<V = Record<string, unknown>, DoubleDash extends boolean = boolean> =
  & V
  & { _: (string | number)[] }
  & (true extends DoubleDash ? { "--": string[] } : Record<never, never>);

/** Reads arguments into an object. */
export function parseArgs<
  B extends string = never,
  S extends string = never,
  C extends string = never,
  N extends string = never,
  D extends Record<string, unknown> = Record<never, never>,
  DoubleDash extends boolean = false,
>(
  args: string[],
  options: ParseOptions<B, S, C, N, D, DoubleDash> = {},
): Args<Values<B, S, C, N, D>, DoubleDash> {
  const parser = new Parser(options);
  const end = args.indexOf("--");
  parser.parse(end < 0 ? args : args.slice(0, end));
  return parser.finish(end < 0 ? [] : args.slice(end + 1)) as Args<Values<B, S, C, N, D>, DoubleDash>;
}

/** The state of one call. */
class Parser {
  readonly #options: ParseOptions;
  readonly #aliases = new Map<string, Set<string>>();
  readonly #boolean: Set<string>;
  readonly #string: Set<string>;
  readonly #collect: Set<string>;
  readonly #negatable: Set<string>;
  readonly #result: Record<string, unknown> & { _: (string | number)[] } = { _: [] };

  constructor(options: ParseOptions) {
    this.#options = options;
    for (const [name, others] of Object.entries(options.alias ?? {})) {
      const group = [name, ...[others].flat()];
      for (const member of group) this.#aliases.set(member, new Set(group.filter((other) => other !== member)));
    }
    this.#boolean = this.#names(typeof options.boolean === "boolean" ? [] : options.boolean);
    this.#string = this.#names(options.string);
    this.#collect = this.#names(options.collect);
    this.#negatable = this.#names(options.negatable);
  }

  parse(args: string[]): void {
    for (let i = 0; i < args.length; i++) {
      const arg = args[i]!;
      if (/^--./s.test(arg)) i += this.#long(arg, args[i + 1]);
      else if (/^-./s.test(arg)) i += this.#short(arg, args[i + 1]);
      else {
        if (this.#options.unknown?.(arg) !== false) {
          this.#result._.push(this.#string.has("_") || !isNumber(arg) ? arg : Number(arg));
        }
        if (this.#options.stopEarly) {
          this.#result._.push(...args.slice(i + 1));
          return;
        }
      }
    }
  }

  finish(rest: string[]): Record<string, unknown> {
    const result = this.#result;
    for (const [name, value] of Object.entries(this.#options.default ?? {})) {
      if (Object.hasOwn(result, name)) continue;
      for (const key of [name, ...this.#aliases.get(name) ?? []]) result[key] = value;
    }
    for (const name of this.#boolean) {
      if (!Object.hasOwn(result, name)) result[name] = this.#collect.has(name) ? [] : false;
    }
    for (const name of this.#string) {
      if (!Object.hasOwn(result, name) && this.#collect.has(name)) result[name] = [];
    }
    if (this.#options["--"]) result["--"] = rest;
    else result._.push(...rest);
    return result;
  }

  /** `--name`, `--name=value`, `--name value`, `--no-name`; returns how many following arguments it took. */
  #long(arg: string, next: string | undefined): number {
    const equals = arg.indexOf("=", 3);
    if (equals > 0 && equals < arg.length - 1) {
      const [name, value] = [arg.slice(2, equals), arg.slice(equals + 1)];
      this.#set(name, this.#boolean.has(name) ? value !== "false" : value, arg);
      return 0;
    }
    const name = arg.slice(2, equals > 0 ? equals : undefined);
    if (name.startsWith("no-") && this.#negatable.has(name.slice(3))) {
      this.#set(name.slice(3), false, arg, false);
      return 0;
    }
    return this.#setWithNext(name, arg, next !== undefined && !next.startsWith("-") ? next : undefined);
  }

  /** `-a`, `-abc`, `-a value`, `-avalue` after a digit or a sign, `-a=value`. */
  #short(arg: string, next: string | undefined): number {
    for (let i = 1; i < arg.length - 1; i++) {
      const [letter, rest] = [arg[i]!, arg.slice(i + 1)];
      const attached = /^[A-Za-z]$/.test(letter) && (rest.startsWith("=") || /^-?\d+(\.\d*)?(e-?\d+)?$/.test(rest));
      if (attached || /^\W/.test(rest)) {
        this.#set(letter, rest.startsWith("=") ? rest.slice(1) : rest, arg);
        return 0;
      }
      this.#set(letter, this.#string.has(letter) ? "" : true, arg);
    }
    return this.#setWithNext(arg.at(-1)!, arg, next !== undefined && !/^--?[^-]/.test(next) ? next : undefined);
  }

  #setWithNext(name: string, arg: string, next: string | undefined): number {
    const allBooleans = this.#options.boolean === true && arg.startsWith("--");
    if (next !== undefined && next !== "" && !this.#boolean.has(name) && !allBooleans) {
      this.#set(name, next, arg);
      return 1;
    }
    if (next === "true" || next === "false") {
      this.#set(name, next === "true", arg);
      return 1;
    }
    this.#set(name, this.#string.has(name) ? "" : true, arg);
    return 0;
  }

  #set(name: string, value: string | boolean, arg: string, collectable = true): void {
    const known = this.#boolean.has(name) || this.#string.has(name) || this.#aliases.has(name) ||
      this.#options.boolean === true && /^--[^=]+$/.test(arg);
    if (!known && this.#options.unknown?.(arg, name, value) === false) return;
    const typed = typeof value === "string" && !this.#string.has(name) && isNumber(value) ? Number(value) : value;
    for (const key of [name, ...this.#aliases.get(name) ?? []]) {
      const before = this.#result[key];
      if (!collectable || !this.#collect.has(name)) this.#result[key] = typed;
      else if (Array.isArray(before)) before.push(typed);
      else this.#result[key] = [typed];
    }
  }

  #names(names: string | readonly string[] | undefined): Set<string> {
    return new Set([names ?? []].flat().flatMap((name) => [name, ...this.#aliases.get(name) ?? []]));
  }
}

function isNumber(text: string): boolean {
  return /^0x[0-9a-f]+$/i.test(text) || /^[-+]?(?:\d+(?:\.\d*)?|\.\d+)(e[-+]?\d+)?$/.test(text);
}
