/**
 * A validator of JSON schemas for tests, written from the standard's words and not from the grammar's code, and schemas
 * drawn at random.
 *
 * @module
 */
import type { Json } from "../../core/chat_events.ts";
import { uniform } from "../../core/sampling.ts";

type Schema = Readonly<Record<string, Json>>;

/** What is wrong with a value; undefined if it is valid. */
export function findInvalid(value: Json, schema: Json, root: Json = schema): string | undefined {
  if (typeof schema === "boolean") return schema ? undefined : "nothing is valid";
  const all = schema as Schema;
  const bad = (keyword: string) => `${JSON.stringify(value)} against "${keyword}" of ${JSON.stringify(schema)}`;
  if (all["$ref"] !== undefined) return findInvalid(value, follow(all["$ref"] as string, root), root);
  const matches = (key: string) =>
    (all[key] as Json[]).filter((branch) => findInvalid(value, branch, root) === undefined).length;
  if (all["anyOf"] !== undefined && matches("anyOf") === 0) return bad("anyOf");
  if (all["oneOf"] !== undefined && matches("oneOf") !== 1) return bad("oneOf");
  const equal = (other: Json) => JSON.stringify(other) === JSON.stringify(value);
  if (all["const"] !== undefined && !equal(all["const"])) return bad("const");
  if (all["enum"] !== undefined && !(all["enum"] as Json[]).some(equal)) return bad("enum");
  if (all["type"] !== undefined && ![all["type"]].flat().some((type) => hasType(value, type as string))) {
    return bad("type");
  }
  if (typeof value === "string") {
    const { length } = [...value];
    if (length < ((all["minLength"] as number) ?? 0) || length > ((all["maxLength"] as number) ?? Infinity)) {
      return bad("length");
    }
    if (all["pattern"] !== undefined && !new RegExp(all["pattern"] as string, "u").test(value)) return bad("pattern");
  }
  if (typeof value === "number") {
    if (value < ((all["minimum"] as number) ?? -Infinity) || value > ((all["maximum"] as number) ?? Infinity)) {
      return bad("range");
    }
    const [over, under] = [
      all["exclusiveMinimum"] as number ?? -Infinity,
      all["exclusiveMaximum"] as number ?? Infinity,
    ];
    if (value <= over || value >= under) return bad("exclusive range");
  }
  if (Array.isArray(value)) {
    if (value.length < ((all["minItems"] as number) ?? 0) || value.length > ((all["maxItems"] as number) ?? Infinity)) {
      return bad("items");
    }
    const first = (all["prefixItems"] ?? []) as Json[];
    return value.map((item: Json, i) => findInvalid(item, first[i] ?? all["items"] ?? true, root))
      .find((problem) => problem);
  }
  if (typeof value !== "object" || value === null) return undefined;
  const missing = ((all["required"] as string[]) ?? []).find((name) => !Object.hasOwn(value, name));
  if (missing !== undefined) return bad("required");
  const properties = (all["properties"] ?? {}) as Schema;
  return Object.entries(value).map(([name, inner]: [string, Json]) => {
    const own = Object.hasOwn(properties, name) ? properties[name]! : all["additionalProperties"] ?? true;
    return findInvalid(inner, own, root);
  }).find((problem) => problem);
}

function follow(pointer: string, root: Json): Json {
  return pointer.split("/").slice(1).reduce((found: Json, key) => (found as Schema)[key]!, root);
}

function hasType(value: Json, type: string): boolean {
  if (type === "integer") return typeof value === "number" && value % 1 === 0;
  if (type === "null") return value === null;
  if (type === "array") return Array.isArray(value);
  if (type === "object") return typeof value === "object" && value !== null && !Array.isArray(value);
  const kind: string = typeof value;
  return kind === type;
}

const names = ["name", "a", "an", "Größe", "名前", 'quo"te', "back\\slash", "kind", "🚢", "x/y~z", ""];

const patterns = [
  "^a+b?$",
  "[^a-y]{2}",
  "^(x|yz)*\\d{3,4}$",
  '"\\\\"',
  "日本(語)?",
  "^[A-F0-9]{2}(:[A-F0-9]{2}){5}$",
  "^$",
];

/** A schema of all kinds of keywords, the same for a seed. */
export function randomSchema(seed: number): Json {
  let draws = 0;
  const below = (count: number) => Math.floor(uniform(seed, draws++) * count);
  const pick = <Item>(items: readonly Item[]): Item => items[below(items.length)]!;
  const schema = (depth: number): Json => {
    const simple = [
      () => ({ type: "string" }),
      () => ({ type: "string", minLength: below(4), maxLength: 3 + below(9) }),
      () => ({ type: "string", maxLength: below(3) }),
      () => ({ type: "integer" }),
      () => ({ type: "string", pattern: pick(patterns) }),
      () => ({ type: "string", format: pick(["date", "uuid", "email", "date-time", "ipv4", "time"]) }),
      () => ({ type: "integer", minimum: below(400) - 300, maximum: 100 + below(4000) }),
      () => ({ type: "number" }),
      () => ({ type: "number", minimum: below(90) / 8 - 5, maximum: 8 + below(50) / 8 }),
      () => ({ type: "number", exclusiveMinimum: below(3) - 2, exclusiveMaximum: 1 + below(2) }),
      () => ({ type: ["number", "null"], maximum: below(30) - 15 }),
      () => ({ type: "boolean" }),
      () => ({ type: "null" }),
      () => ({ enum: ["red", "réd", "日本", 'a"b', 12, null, false, { a: [1] }, ["x", ""]].slice(below(5)) }),
      () => ({ const: pick<Json>(["fixed", 4.5, { deep: { er: [null] } }]) }),
      () => ({ type: ["string", "null"] }),
      () => ({ type: "string", title: "a note", description: "says nothing", minLength: 2 }),
    ];
    const nested = [
      () => object(depth),
      () => object(depth),
      () => ({ type: "object" }),
      () => ({ type: "array", items: schema(depth - 1), minItems: below(3), maxItems: 2 + below(4) }),
      () => ({ type: "array", items: schema(depth - 1) }),
      () => ({
        type: "array",
        prefixItems: [schema(depth - 1), schema(0)],
        ...pick<Schema>([{}, { items: schema(0) }]),
      }),
      () => ({ type: "object", propertyNames: { type: "string" }, additionalProperties: schema(depth - 1) }),
      () => ({ anyOf: [schema(depth - 1), schema(depth - 1)] }),
      () => ({ oneOf: [branch("circle", depth), branch("square", depth)] }),
      () => ({ oneOf: [{ type: "string" }, { type: "array", items: { $ref: "#/$defs/tree" } }] }),
      () => ({ $ref: "#/$defs/tree" }),
      () => true,
    ];
    return pick(depth > 0 ? [...simple.slice(0, 6), ...nested] : simple)();
  };
  const branch = (kind: string, depth: number) => ({
    type: "object",
    properties: { kind: { const: kind }, size: schema(depth - 2) },
    required: ["kind"],
    additionalProperties: false,
  });
  const object = (depth: number): Json => {
    const own = names.filter(() => below(3) === 0);
    return {
      type: "object",
      properties: Object.fromEntries(own.map((name) => [name, schema(depth - 1)])),
      required: own.filter(() => below(2) === 0),
      ...pick<Schema>([{}, { additionalProperties: false }, { additionalProperties: schema(depth - 2) }]),
    };
  };
  const tree = {
    type: "object",
    properties: { value: schema(0), children: { type: "array", items: { $ref: "#/$defs/tree" }, maxItems: 3 } },
    required: ["value"],
    additionalProperties: false,
  };
  const root = schema(3);
  return typeof root === "object" ? { ...(root as Schema), $defs: { tree } } : root;
}
