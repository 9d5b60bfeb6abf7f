/**
 * A config file of a run: any of its flags by name, and its model's parts.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";
import type { Flag } from "../flags.ts";
import { nearest } from "../nearest.ts";
import { trainFlags } from "./flags.ts";
import type { TrainFlagValues } from "./settings.ts";

const flagsByName: Readonly<Record<string, Flag>> = trainFlags;

/**
 * Flags, and beneath them what a file says. Its keys are names of flags in kebab- or snake_case, aliases included;
 * parts may be objects as in a model's config, and what a flag has as `PATTERN=NUMBER` may be one of patterns. Paths in it start from the working directory, as those of flags do.
 *
 * @throws {ConfigError} naming the file and the key that is unknown or wrong
 */
export async function withConfigFile(flags: TrainFlagValues, file: string): Promise<TrainFlagValues> {
  const merged: Record<string, unknown> = { ...flags };
  for (const [key, value] of Object.entries(await readObject(file))) {
    const name = nameOf(key, file);
    const read = valueOf(value, { key, file, flag: flagsByName[name]! });
    if (!isGiven(flags[name as keyof TrainFlagValues])) merged[name] = read;
  }
  return merged as TrainFlagValues;
}

/** Flags that say how a run goes about it and not what it is. */
const passing = ["config", "resume", "from-resume", "overwrite", "offline", "cache-dir"];

/** The file that {@link withConfigFile} makes the same flags of. */
export function formatConfigFile(flags: TrainFlagValues): string {
  const kept = Object.entries(flags).filter(([name, value]) => isGiven(value) && !passing.includes(name));
  return `${JSON.stringify(Object.fromEntries(kept), undefined, 2)}\n`;
}

function isGiven(value: TrainFlagValues[keyof TrainFlagValues]): boolean {
  return Array.isArray(value) ? value.length > 0 : value !== undefined && value !== false;
}

async function readObject(file: string): Promise<object> {
  let config: unknown;
  try {
    config = JSON.parse(await Deno.readTextFile(file));
  } catch (cause) {
    throw fail(file, cause instanceof Error ? cause.message : String(cause), cause);
  }
  if (typeof config !== "object" || config === null || Array.isArray(config)) throw fail(file, "it is not an object");
  return config;
}

/** The flag that a key names. */
function nameOf(key: string, file: string): string {
  const wanted = key.replaceAll("_", "-");
  const names = Object.keys(flagsByName).filter((name) => name !== "config");
  const found = names.find((name) => name === wanted || flagsByName[name]!.aliases?.includes(wanted));
  if (found !== undefined) return found;
  const meant = nearest(wanted, names);
  throw fail(file, `unknown key "${key}", ${meant ? `did you mean "${meant}"?` : "keys are the names of flags"}`);
}

function valueOf(
  value: unknown,
  { key, file, flag: { type } }: { readonly key: string; readonly file: string; readonly flag: Flag },
): unknown {
  const wrong = (expected: string) => fail(file, `"${key}" is ${JSON.stringify(value)}, not ${expected}`);
  const isObject = typeof value === "object" && value !== null && !Array.isArray(value);
  if (type === "list") {
    return isObject ? Object.entries(value).map(([key, item]) => `${key}=${item}`) : [value].flat().map(String);
  }
  if (type === "number") {
    const number = typeof value === "boolean" ? Number(value) : value;
    if (typeof number !== "number") throw wrong("a number");
    return number;
  }
  if (type === "boolean" || type === "switch") {
    if (![true, false, 0, 1].includes(value as number | boolean)) throw wrong("true or false");
    return Boolean(value);
  }
  if (isObject) return JSON.stringify(value);
  if (typeof value !== "string" && typeof value !== "number") throw wrong("a text");
  return String(value);
}

function fail(file: string, problem: string, cause?: unknown): ConfigError {
  return new ConfigError(`Cannot read "${file}": ${problem}`, { cause });
}
