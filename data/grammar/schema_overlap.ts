/**
 * Whether branches of `oneOf` may match the same value: then a value of one of them need not be valid.
 *
 * @module
 */
import type { Json } from "../../core/chat_events.ts";
import { isObject } from "../tokenizer/json_object.ts";
import { resolve, typesOf } from "./schema_parts.ts";

/** Two branches for which nothing shows that they match no value in common; undefined if there are none. */
export function findOverlap(
  branches: readonly Json[],
  root: Json,
): readonly [first: number, second: number] | undefined {
  for (let first = 0; first < branches.length; first++) {
    for (let second = first + 1; second < branches.length; second++) {
      if (!areApart(branches[first]!, branches[second]!, { root, depth: 0 })) return [first, second];
    }
  }
  return undefined;
}

/** References and members that are followed at most. */
const maxDepth = 32;

interface Search {
  readonly root: Json;
  readonly depth: number;
}

/** Whether two schemas surely match no value in common: other types, other constants, or a member that tells them. */
function areApart(a: Json | undefined, b: Json | undefined, search: Search): boolean {
  if (a === false || b === false) return true;
  if (!isObject(a) || !isObject(b) || search.depth > maxDepth) return false;
  const deeper = { ...search, depth: search.depth + 1 };
  for (const [x, y] of [[a, b], [b, a]] as const) {
    if ("$ref" in x) return areApart(resolve(x["$ref"], { root: search.root, path: "#" }), y as Json, deeper);
    for (const key of ["anyOf", "oneOf"] as const) {
      const branches = x[key];
      if (Array.isArray(branches)) return branches.every((branch: Json) => areApart(branch, y as Json, deeper));
    }
  }
  const [these, those] = [constantsOf(a), constantsOf(b)];
  if (these !== undefined && those !== undefined) return these.every((value) => !those.includes(value));
  const [types, others] = [kindsOf(a, these), kindsOf(b, those)];
  if (types === undefined || others === undefined) return false;
  const common = types.filter((type) => others.includes(type));
  return common.every((type) => type === "object" && haveApartMembers(a, b, deeper));
}

/** Whether both require a member whose values are apart. */
function haveApartMembers(
  a: Readonly<Record<string, unknown>>,
  b: Readonly<Record<string, unknown>>,
  search: Search,
): boolean {
  const [these, those] = [a["required"], b["required"]];
  if (!Array.isArray(these) || !Array.isArray(those)) return false;
  const [properties, others] = [a["properties"] ?? {}, b["properties"] ?? {}] as const;
  return these.some((name: string) => {
    if (!those.includes(name)) return false;
    const [value, other] = [(properties as Record<string, Json>)[name], (others as Record<string, Json>)[name]];
    return areApart(value, other, search);
  });
}

/** Values that a schema lists, as JSON; undefined if it lists none. */
function constantsOf(schema: Readonly<Record<string, unknown>>): string[] | undefined {
  if ("const" in schema) return [JSON.stringify(schema["const"])];
  return Array.isArray(schema["enum"]) ? schema["enum"].map((value) => JSON.stringify(value)) : undefined;
}

/** Types of a schema's values, an integer being a number. */
function kindsOf(
  schema: Readonly<Record<string, unknown>>,
  constants: readonly string[] | undefined,
): string[] | undefined {
  const types = constants === undefined ? typesOf(schema, "#") : constants.map((json) => kindOf(JSON.parse(json)));
  return types?.map((type) => type === "integer" ? "number" : type);
}

function kindOf(value: unknown): string {
  if (value === null) return "null";
  return Array.isArray(value) ? "array" : typeof value;
}
