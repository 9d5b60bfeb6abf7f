/**
 * JSON objects from files whose form nobody has checked.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";
import { findRepeatedKey } from "../json_keys.ts";

/** A JSON object whose form nobody has checked. */
export type JsonObject = Readonly<Record<string, unknown>>;

/** Whether a value is an object and not a list. */
export function isObject(value: unknown): value is JsonObject {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}

/** Parses a JSON object. @throws {ConfigError} naming the file */
export function parseJsonObject(text: string, file: string): JsonObject {
  const cannot = (problem: string, cause?: unknown) => new ConfigError(`Cannot read "${file}": ${problem}`, { cause });
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw cannot("it is not JSON", error);
  }
  if (!isObject(value)) throw cannot("it is not a JSON object");
  const repeated = findRepeatedKey(text);
  if (repeated !== undefined) throw cannot(`it has the key ${JSON.stringify(repeated)} twice in one object`);
  return value;
}

/** A value for a message, cut where it is long. */
export function show(value: unknown): string {
  const text = JSON.stringify(value) ?? "undefined";
  return text.length > 80 ? `${text.slice(0, 80)}…` : text;
}
