/**
 * Keywords of JSON schemas: which ones are known, where they apply, what they refer to.
 *
 * @module
 */
import type { Json } from "../../core/chat_events.ts";
import { SchemaError } from "../../core/errors.ts";
import { isObject, type JsonObject } from "../tokenizer/json_object.ts";

/** Keywords by the type of value that they speak of. */
const keywordsByType: Readonly<Record<string, readonly string[]>> = {
  object: ["properties", "required", "additionalProperties", "propertyNames"],
  array: ["items", "prefixItems", "minItems", "maxItems"],
  string: ["minLength", "maxLength", "pattern", "format"],
  number: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  integer: ["minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"],
  boolean: [],
  null: [],
};

/** Keywords that say nothing about a value. */
const annotations: ReadonlySet<string> = new Set([
  ...["$schema", "$id", "$comment", "$defs", "definitions", "title", "description", "default", "examples"],
  ...["deprecated", "readOnly", "writeOnly"],
]);

const others = ["$ref", "anyOf", "oneOf", "allOf", "enum", "const", "type"];

/** The error of a place in a schema. */
export function fail(path: string, problem: string): SchemaError {
  return new SchemaError(`Cannot hold answers to the JSON schema: at "${path}", ${problem}`);
}

/**
 * The keywords of a schema that say something about a value.
 *
 * @throws {SchemaError} for one that is not supported, or speaks of other types than the schema does
 */
export function keysOf(schema: JsonObject, path: string): string[] {
  const keys = Object.keys(schema).filter((key) => !annotations.has(key) && schema[key] !== undefined);
  for (const key of keys) {
    if (others.includes(key)) continue;
    const owners = Object.keys(keywordsByType).filter((type) => keywordsByType[type]!.includes(key));
    if (owners.length === 0) throw fail(`${path}/${key}`, "this keyword is not supported");
    const types = typesOf(schema, path);
    if (types !== undefined && !owners.some((type) => types.includes(type))) {
      throw fail(`${path}/${key}`, `it is not supported for ${types.join(" and ")}`);
    }
  }
  checkObject(schema, path);
  return keys;
}

function checkObject({ properties, required, propertyNames: names }: JsonObject, path: string): void {
  const anyName = names === undefined || names === true ||
    isObject(names) && Object.entries(names).every(([key, value]) => key === "type" && value === "string");
  if (!anyName) throw fail(`${path}/propertyNames`, 'it is not supported but for { "type": "string" }');
  if (properties !== undefined && !isObject(properties)) throw fail(`${path}/properties`, "it is no object");
  if (required === undefined) return;
  if (!Array.isArray(required) || required.some((name) => typeof name !== "string")) {
    throw fail(`${path}/required`, "it is no list of names");
  }
}

/** The types that a schema allows: those it names, or the one that its keywords speak of; undefined for any. */
export function typesOf(schema: JsonObject, path: string): readonly string[] | undefined {
  const { type } = schema;
  if (type === undefined) {
    const spoken = Object.keys(keywordsByType).find((type) => keywordsByType[type]!.some((key) => key in schema));
    return spoken === undefined ? undefined : [spoken];
  }
  const types: readonly unknown[] = Array.isArray(type) ? type : [type];
  const odd = types.find((each) => typeof each !== "string" || !Object.hasOwn(keywordsByType, each));
  if (types.length === 0 || odd !== undefined) {
    throw fail(
      `${path}/type`,
      `${JSON.stringify(odd)} is no type, there are ${Object.keys(keywordsByType).join(", ")}`,
    );
  }
  return types as readonly string[];
}

/** A whole number of 0 or more. */
export function countOf(schema: JsonObject, key: string, path: string): number | undefined {
  const value = schema[key];
  if (value === undefined) return undefined;
  if (typeof value !== "number" || !Number.isSafeInteger(value) || value < 0) {
    throw fail(`${path}/${key}`, `${JSON.stringify(value)} is no whole number of 0 or more`);
  }
  return value;
}

/** Where a reference stands. */
export interface ReferencePlace {
  /** The whole schema. */
  readonly root: Json;
  /** The path of the schema that has the reference. */
  readonly path: string;
}

/** What a reference within a schema points to (RFC 6901). */
export function resolve(pointer: unknown, { root, path }: ReferencePlace): Json {
  if (typeof pointer !== "string" || !/^#(\/|$)/.test(pointer)) {
    throw fail(`${path}/$ref`, `${JSON.stringify(pointer)} points outside the schema`);
  }
  let found: unknown = root;
  for (const part of pointer.split("/").slice(1)) {
    const key = decodeURIComponent(part).replaceAll("~1", "/").replaceAll("~0", "~");
    const inside = typeof found === "object" && found !== null && Object.hasOwn(found, key);
    if (!inside) throw fail(`${path}/$ref`, `there is no "${pointer}"`);
    found = (found as Record<string, unknown>)[key];
  }
  return found as Json;
}
