/**
 * JSON schemas (2020-12, the part that says what a value looks like) to rules of a grammar.
 *
 * @module
 */
import type { Json } from "../../core/chat_events.ts";
import { isObject } from "../tokenizer/json_object.ts";
import { anyArray, anyObject, anyValue, list, type Member, members, tuple } from "./json_rules.ts";
import { integerRule, numberRule } from "./number_ranges.ts";
import { anyString, stringOfLength, stringOtherThan } from "./json_strings.ts";
import { formats, stringMatching } from "./pattern_strings.ts";
import { PatternError } from "./pattern_syntax.ts";
import { choice, read, type Reference, type Rule, text } from "./rules.ts";
import { findOverlap } from "./schema_overlap.ts";
import { countOf, fail, keysOf, resolve, typesOf } from "./schema_parts.ts";

/** Rules that a schema may take, and characters of its names and constants: it comes from strangers. */
const maxSize = 20_000;

/** Schemas within each other at most. */
const maxDepth = 100;

/**
 * The texts of values that a schema allows. Not all of them: members stand in the order of `properties`, others only
 * come where `additionalProperties` asks for them or there are no `properties`, numbers have at most 15 digits, and
 * patterns are matched from end to end.
 *
 * @throws {SchemaError} naming a keyword that is not supported and where it is, or what contradicts itself
 */
export function schemaRule(schema: Json): Rule {
  return new SchemaReader(schema).read(schema, "#", []);
}

class SchemaReader {
  readonly #root: Json;
  readonly #references = new Map<string, Reference>();
  #size = 0;
  #depth = 0;

  constructor(root: Json) {
    this.#root = root;
  }

  /** The rule of a schema at a path, which may be reached by references that read nothing, `chain`. */
  read(schema: Json | undefined, path: string, chain: readonly string[]): Rule {
    this.#spend(1, path);
    if (++this.#depth > maxDepth) throw fail(path, `there are more than ${maxDepth} schemas within each other`);
    const rule = this.#read(schema, path, chain);
    this.#depth--;
    return rule;
  }

  #spend(size: number, path: string): void {
    this.#size += size;
    if (this.#size > maxSize) throw fail(path, `rules and characters of the schema come to more than ${maxSize}`);
  }

  #read(schema: Json | undefined, path: string, chain: readonly string[]): Rule {
    if (schema === true) return anyValue;
    if (!isSchema(schema)) throw fail(path, schema === false ? "no value is valid there" : "it is no schema");
    const keys = keysOf(schema, path);
    const alone = (key: string) => {
      const other = keys.find((each) => each !== key);
      if (other !== undefined) throw fail(`${path}/${other}`, `it is not supported beside "${key}"`);
      return schema[key]!;
    };
    if ("$ref" in schema) return this.#reference(alone("$ref"), path, chain);
    if ("anyOf" in schema) return choice(...this.#branches(alone("anyOf"), `${path}/anyOf`, chain));
    if ("oneOf" in schema) {
      const branches = alone("oneOf");
      const rules = this.#branches(branches, `${path}/oneOf`, chain);
      const overlap = findOverlap(branches as readonly Json[], this.#root);
      if (overlap !== undefined) {
        throw fail(`${path}/oneOf`, `its branches ${overlap.join(" and ")} may match the same value`);
      }
      return choice(...rules);
    }
    if ("allOf" in schema) {
      const rules = this.#branches(alone("allOf"), `${path}/allOf`, chain);
      if (rules.length > 1) throw fail(`${path}/allOf`, "more than one schema is not supported");
      return rules[0]!;
    }
    if ("const" in schema || "enum" in schema) {
      const texts = constants(schema, keys, path);
      this.#spend(texts.reduce((sum, { length }) => sum + length, 0), path);
      return text(...texts);
    }
    const types = typesOf(schema, path);
    if (types === undefined) return anyValue;
    return choice(...types.map((type) => this.#typed(type, schema, path)));
  }

  #typed(type: string, schema: JsonSchema, path: string): Rule {
    switch (type) {
      case "object":
        return this.#object(schema, path);
      case "array": {
        const { items, prefixItems: first } = schema;
        const [min, max] = [countOf(schema, "minItems", path), countOf(schema, "maxItems", path)];
        if ((min ?? 0) > (max ?? Infinity)) throw fail(`${path}/maxItems`, `it is below minItems ${min}`);
        if (first !== undefined) return this.#tuple(schema, path);
        if (items === undefined && min === undefined && max === undefined) return anyArray;
        return list(max === 0 ? anyValue : this.read(items ?? true, `${path}/items`, []), { min, max });
      }
      case "string": {
        const [min, max] = [countOf(schema, "minLength", path), countOf(schema, "maxLength", path)];
        if ((min ?? 0) > (max ?? Infinity)) throw fail(`${path}/maxLength`, `it is below minLength ${min}`);
        if (schema["pattern"] !== undefined || schema["format"] !== undefined) return this.#pattern(schema, path);
        return read(stringOfLength({ min, max }));
      }
      case "integer":
        return integerRule(schema, path);
      case "number":
        return numberRule(schema, path);
      case "boolean":
        return text("true", "false");
      default:
        return text("null");
    }
  }

  /** A string of a form; a format beside a pattern is taken for a remark on it. */
  #pattern(schema: JsonSchema, path: string): Rule {
    const { pattern, format } = schema;
    const key = pattern === undefined ? "format" : "pattern";
    const length = ["minLength", "maxLength"].find((each) => schema[each] !== undefined);
    if (length !== undefined) throw fail(`${path}/${length}`, `it is not supported beside "${key}"`);
    const known = typeof format === "string" && Object.hasOwn(formats, format) ? formats[format] : undefined;
    const source = pattern ?? known;
    if (typeof source !== "string") {
      const names = Object.keys(formats).join(", ");
      throw fail(`${path}/${key}`, `${JSON.stringify(schema[key])} is not supported, but ${names} and patterns are`);
    }
    this.#spend(source.length, path);
    try {
      return read(stringMatching(source));
    } catch (error) {
      if (error instanceof PatternError) throw fail(`${path}/${key}`, error.message);
      throw error;
    }
  }

  /** An array with these items first, all of them, and others where `items` asks for them. */
  #tuple(schema: JsonSchema, path: string): Rule {
    const { items = false } = schema;
    const first = this.#branches(schema["prefixItems"], `${path}/prefixItems`, []);
    const [min = 0, max = Infinity] = [countOf(schema, "minItems", path), countOf(schema, "maxItems", path)];
    const [least, most] = [Math.max(0, min - first.length), items === false ? 0 : max - first.length];
    if (least > most || max < first.length) {
      throw fail(path, `arrays of ${min} to ${max} items are not supported with ${first.length} in "prefixItems"`);
    }
    const others = most === 0 ? anyValue : this.read(items, `${path}/items`, []);
    return tuple(first, others, { min: least, max: most });
  }

  #object(schema: JsonSchema, path: string): Rule {
    const { properties, required = [], additionalProperties: others } = schema;
    if (properties === undefined && others === undefined && required.length === 0) return anyObject;
    const declared = Object.entries(properties ?? {});
    this.#spend(2 * [...Object.keys(properties ?? {}), ...required].join("").length, path);
    const names = new Set([...declared.map(([name]) => name), ...required]);
    const undeclared = required.find((name) => !declared.some(([each]) => each === name));
    if (undeclared !== undefined && others === false) {
      throw fail(
        `${path}/required`,
        `${JSON.stringify(undeclared)} is none of the properties, and others are not allowed`,
      );
    }
    const otherValue = () => this.read(others ?? true, `${path}/additionalProperties`, []);
    const all = Array.from(names, (name): Member => ({
      key: text(JSON.stringify(name)),
      value: Object.hasOwn(properties ?? {}, name)
        ? this.read(properties![name], `${path}/properties/${name.replaceAll("~", "~0").replaceAll("/", "~1")}`, [])
        : otherValue(),
      required: required.includes(name),
    }));
    const open = others === undefined ? properties === undefined : others !== false;
    const key = read(names.size === 0 ? anyString : stringOtherThan(names));
    return members(all, open ? { key, value: otherValue() } : undefined);
  }

  #branches(branches: unknown, path: string, chain: readonly string[]): Rule[] {
    if (!Array.isArray(branches) || branches.length === 0) throw fail(path, "it is no list of schemas");
    return branches.map((branch: Json, i) => this.read(branch, `${path}/${i}`, chain));
  }

  #reference(pointer: unknown, path: string, chain: readonly string[]): Rule {
    const target = resolve(pointer, { root: this.#root, path });
    const name = pointer as string;
    if (chain.includes(name)) throw fail(`${path}/$ref`, `it refers to itself`);
    const known = this.#references.get(name);
    if (known !== undefined) return known; // perhaps within itself: then behind a bracket, for it is not in the chain
    const reference: Reference = { kind: "reference" };
    this.#references.set(name, reference);
    reference.target = this.read(target, name, [...chain, name]);
    return reference;
  }
}

/** A schema that is an object, its keywords checked by {@link keysOf}. */
export type JsonSchema = { readonly [key: string]: Json } & {
  readonly properties?: Readonly<Record<string, Json>>;
  readonly required?: readonly string[];
};

function isSchema(schema: Json | undefined): schema is JsonSchema {
  return isObject(schema);
}

/** The values of `enum` or `const` as JSON, of the types that are allowed. */
function constants(schema: JsonSchema, keys: readonly string[], path: string): string[] {
  const other = keys.find((key) => !["enum", "const", "type"].includes(key));
  if (other !== undefined) throw fail(`${path}/${other}`, `it is not supported beside "enum" or "const"`);
  const values = constantsOf(schema, path);
  if (values.length === 0) throw fail(path, "none of its values is allowed");
  return values.map((value) => JSON.stringify(value));
}

/** Values that a schema lists, as far as its other keywords allow them. */
function constantsOf(schema: JsonSchema, path: string): Json[] {
  const { enum: listed, const: only } = schema;
  if (listed !== undefined && !Array.isArray(listed)) throw fail(`${path}/enum`, "it is no list");
  const types = typesOf(schema, path);
  const values = listed === undefined ? [only!] : listed as readonly Json[];
  const same = (value: Json) => only === undefined || JSON.stringify(value) === JSON.stringify(only);
  return values.filter((value) => same(value) && (types === undefined || types.some((type) => isOfType(value, type))));
}

/** Whether a value has a type of JSON schemas. */
function isOfType(value: Json, type: string): boolean {
  if (type === "null") return value === null;
  if (type === "integer") return Number.isInteger(value);
  if (type === "array") return Array.isArray(value);
  if (type === "object") return isObject(value);
  const kind: string = typeof value;
  return kind === type;
}
