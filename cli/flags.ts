/**
 * Flags of a command: declared once, used for reading arguments and for help.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { nearest } from "./nearest.ts";

/** One flag. */
export interface Flag {
  /**
   * Type of its value: `list` may be given several times, `boolean` takes none, `switch` none or, as upstream writes
   * it, `1` or `0`.
   */
  readonly type: "string" | "number" | "boolean" | "switch" | "list";
  /** What it does, in one line, default included. */
  readonly summary: string;
  /** How help calls its value. Default the type. */
  readonly value?: string;
  /** Other spellings, in kebab-case; one of a single letter is written with one hyphen. Default none. */
  readonly aliases?: readonly string[];
}

/** Flags by name in kebab-case. */
export type Flags = Readonly<Record<string, Flag>>;

/** Value of a flag: an absent list is empty, an absent boolean or switch false, anything else undefined. */
export type FlagValue<Type extends Flag["type"]> = {
  string: string | undefined;
  number: number | undefined;
  boolean: boolean;
  switch: boolean;
  list: string[];
}[Type];

/** Values of flags, by name. */
export type FlagValues<F extends Flags> = { readonly [Name in keyof F]: FlagValue<F[Name]["type"]> };

/** What {@link parseFlags} returns. */
export interface Parsed<F extends Flags> {
  /** Value of every flag. */
  readonly flags: FlagValues<F>;
  /** Arguments that are no flags, in order. */
  readonly positional: readonly string[];
}

/**
 * Reads a command's arguments. A flag may be written in snake_case too (`--max_new_tokens`).
 *
 * @throws {TypeError} for a flag that is not declared, lacks its value or is not a number
 */
export function parseFlags<const F extends Flags>(args: readonly string[], flags: F): Parsed<F> {
  const names = Object.keys(flags);
  const ofType = (...types: Flag["type"][]) => names.filter((name) => types.includes(flags[name]!.type));
  const spelt = (...types: Flag["type"][]) => ofType(...types).flatMap((name) => spellings(name, flags[name]!));
  const joined = joinValues(args.map(kebab), { switches: spelt("switch"), valued: spelt("string", "number", "list") });
  const parsed = parseArgs(joined, {
    alias: Object.fromEntries(names.map((name) => [name, flags[name]!.aliases ?? []])),
    boolean: ofType("boolean", "switch"),
    string: [...ofType("string", "number", "list"), "_"],
    collect: ofType("list"),
    unknown: (arg, key) => {
      if (key !== undefined) throw unknownFlag(arg, flags);
    },
  });
  const values = names.map((name) => [name, flagValue(name, flags[name]!, parsed[name])]);
  return { flags: Object.fromEntries(values), positional: parsed._.map(String) };
}

/**
 * The value of a flag that counts things.
 *
 * @throws {TypeError} if it is given and not a whole number above 0
 */
export function count<Name extends string>(
  flags: { readonly [N in Name]: number | undefined },
  name: Name,
): number | undefined {
  const value = flags[name];
  if (value === undefined || (Number.isInteger(value) && value > 0)) return value;
  throw new TypeError(`Cannot read flag "--${name}": ${value} is not a whole number above 0`);
}

/** A flag as it is written, its own name last: `-t`, `--threads`. */
export function spellings(name: string, { aliases = [] }: Flag): string[] {
  return [...aliases, name].map((word) => word.length === 1 ? `-${word}` : `--${word}`);
}

/** `--max_new_tokens=5` → `--max-new-tokens=5`; the value and everything after `--` stay as they are. */
function kebab(arg: string, index: number, args: readonly string[]): string {
  const end = args.indexOf("--");
  if (!arg.startsWith("--") || (end >= 0 && index >= end)) return arg;
  const [name, ...value] = arg.split("=");
  return [name!.replaceAll("_", "-"), ...value].join("=");
}

/**
 * Joins a long flag with a value that would be taken for an argument or a flag of its own: `--show-speed 1` →
 * `--show-speed=true`, `--json -` → `--json=-`, `--length-penalty -1` → `--length-penalty=-1`.
 */
function joinValues(
  args: readonly string[],
  { switches, valued }: { readonly switches: readonly string[]; readonly valued: readonly string[] },
): string[] {
  const joined: string[] = [];
  const digits = new Map([["0", "false"], ["1", "true"]]);
  const end = args.indexOf("--");
  const within = end < 0 ? args.length : end;
  for (let i = 0; i < args.length; i++) {
    const [name, value] = args[i]!.split("=");
    const next = i + 1 < within ? args[i + 1] : undefined;
    let given: string | undefined;
    if (i < within && switches.includes(name!)) given = digits.get(value ?? next ?? "");
    else if (
      value === undefined && name!.startsWith("--") && valued.includes(name!) && /^-(\.?\d|$)/.test(next ?? "")
    ) {
      given = next;
    }
    joined.push(given === undefined ? args[i]! : `${name}=${given}`);
    if (given !== undefined && value === undefined) i++;
  }
  return joined;
}

function unknownFlag(arg: string, flags: Flags): TypeError {
  const flag = arg.split("=")[0]!;
  const names = Object.entries(flags);
  const meant = nearest(flag, [...names.flatMap(([name, flag]) => spellings(name, flag)), "--help"]);
  const all = [...names.map(([name]) => `--${name}`), "--help"].join(", ");
  return new TypeError(`Cannot read flag "${flag}": ${meant ? `did you mean ${meant}?` : `there are ${all}`}`);
}

function flagValue(name: string, flag: Flag, value: unknown): FlagValue<Flag["type"]> {
  if (flag.type === "boolean" || flag.type === "switch") return value === true;
  if (value === undefined) return undefined;
  if ([value].flat().includes("")) {
    throw new TypeError(
      `Cannot read flag "--${name}": it needs a ${flag.type === "number" ? "number" : flag.value ?? flag.type}`,
    );
  }
  if (flag.type === "list") return value as string[];
  if (flag.type === "string") return String(value);
  const number = Number(value);
  if (!Number.isFinite(number)) throw new TypeError(`Cannot read flag "--${name}": "${value}" is not a number`);
  return number;
}
