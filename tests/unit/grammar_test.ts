import { assert, assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import type { Json } from "../../core/chat_events.ts";
import { SchemaError } from "../../core/errors.ts";
import { uniform } from "../../core/sampling.ts";
import { anyObject, Grammar, GrammarConstraint, type Rule, schemaRule, TokenTrie } from "../../data/grammar/mod.ts";
import { forbidden, type Position } from "../../data/grammar/grammar.ts";
import { fixtureTokenizer } from "./fixture_tokenizer.ts";
import { findInvalid, randomSchema } from "./schema_validator.ts";

const tokenizer = fixtureTokenizer("v3"); // 520 tokens, some of them parts of characters
const trie = new TokenTrie(tokenizer);
const eos = tokenizer.control.eos!.id;

function grammarOf(schema: Json): Grammar {
  return new Grammar(schemaRule(schema), trie);
}

function reads(rule: Rule, text: string): boolean {
  const grammar = new Grammar(rule, trie);
  return grammar.advance(grammar.start, new TextEncoder().encode(text)).complete;
}

/** Draws an answer of at most `budget` ids, each as likely as any other that may come. */
function draw(grammar: Grammar, { budget, seed }: { budget: number; seed: number }): { text: string; ids: number[] } {
  const constraint = new GrammarConstraint(grammar, { tokenizer, stopIds: [eos] });
  const ids: number[] = [];
  while (!constraint.ended && ids.length < budget) {
    const bias = new Float32Array(tokenizer.vocabulary + 3);
    constraint.restrict(bias, budget - ids.length);
    const open = [...bias.keys()].filter((id) => bias[id] === 0);
    assert(open.length > 0, `nothing may follow ${tokenizer.decode(ids)}`);
    const id = open[Math.floor(uniform(seed, ids.length) * open.length)]!;
    constraint.accept(id);
    ids.push(id);
  }
  assert(constraint.complete);
  return { text: tokenizer.decode(ids.filter((id) => id !== eos)), ids };
}

Deno.test("schemaRule() reads the texts of valid values and no others", () => {
  const person: Json = {
    type: "object",
    properties: {
      name: { type: "string", minLength: 1, maxLength: 4 },
      age: { type: "integer", minimum: 0, maximum: 120 },
    },
    required: ["name"],
  };
  const cases: readonly (readonly [Json, readonly string[], readonly string[]])[] = [
    [
      person,
      [
        '{"name":"Zoë"}',
        '{"name": "日本", "age": 0}',
        '{\n  "name": "a",\n  "age": 120\n}',
        '{"name":"\\u00e9","age":99}',
      ],
      [
        '{"name":""}',
        '{"name":"abcde"}',
        '{"age":3}',
        '{"name":"a","age":121}',
        '{"name":"a","age":-1}',
        "{}",
        '{"name":"a",}',
      ],
    ],
    [
      { type: "object", properties: { ab: { const: 1 } }, additionalProperties: { type: "null" } },
      ["{}", '{"ab":1}', '{"ab":1,"a":null}', '{"abc":null,"b":null,"é":null,"":null}'],
      ['{"ab":null}', '{"a":1}', '{"ab":1,"ab":1}', '{"a\\u0062":null}'],
    ],
    [{ type: "number" }, ["0", "-0.5", "12e-7", "1.25E+3"], ["01", "1.", ".5", "+1", "1e", "--1", "1e100", "NaN"]],
    [{ type: "integer" }, ["0", "-7", "999999999999999"], ["1.0", "1e3", "1000000000000000"]],
    [{ type: "integer", minimum: -12, exclusiveMaximum: 105 }, ["-12", "-9", "0", "99", "104"], [
      "-13",
      "105",
      "-0",
      "00",
    ]],
    [{ type: "string" }, ['"\\n\\u12ab\\ud7ff"', '"🚢"'], ['"\\ud800"', '"\n"', '"\\x"', '"a']],
    [{ type: "array", items: { type: "boolean" }, minItems: 1, maxItems: 2 }, ["[true]", "[ true, false ]"], [
      "[]",
      "[true,]",
      "[true,true,true]",
    ]],
    [{ type: "array", maxItems: 0 }, ["[]"], ["[1]"]],
    [{ type: "number", minimum: 0, maximum: 1 }, ["0", "1", "0.5", "0.0"], ["1.0", "1.5", "-0.5", "1e-1", "2"]],
    [
      { type: "number", exclusiveMinimum: -1.5, exclusiveMaximum: 2 },
      ["-1", "-0.25", "0.75", "1.999999", "1"],
      ["2", "-1.2", "-2", "2.0"],
    ],
    [{ type: "number", exclusiveMinimum: 0 }, ["0.5", "7", "999999999.25"], ["0", "0.0", "-1", "1.0", "1000000000.5"]],
    [{ pattern: "^[a-c]{2,3}(?:x|yé)?$" }, ['"ab"', '"abcx"', '"ccyé"'], ['"a"', '"abcd"', '"abz"', '"abxx"']],
    [{ pattern: '\\d+\\.\\d*|[^a-z]\\\\"' }, ['"1."', '"12.5"', '"A\\\\\\""'], ['"1"', '"a\\\\\\""', '"A\\\\"']],
    [{ format: "date" }, ['"2024-01-31"', '"1999-04-30"'], ['"2024-02-30"', '"2024-04-31"', '"24-01-01"']],
    [{ format: "date-time" }, ['"2024-01-31T23:59:00Z"', '"2024-12-01T00:00:00.5+01:30"'], ['"2024-01-31T24:00:00Z"']],
    [{ type: "string", format: "uuid" }, ['"0f0e0d0c-1234-4abc-8def-0123456789ab"'], [
      '"0f0e0d0c12344abc8def0123456789ab"',
    ]],
    [{ type: "string", format: "email" }, ['"a.b@c-d.org"'], ['"a@b"', '"@b.de"', '"a..b@c.de"']],
    [{ type: "string", format: "ipv4" }, ['"10.0.255.1"'], ['"256.0.0.1"', '"01.2.3.4"', '"1.2.3"']],
    [{ prefixItems: [{ type: "null" }, { const: 1 }] }, ["[null,1]", "[ null, 1 ]"], ["[null]", "[null,1,2]", "[]"]],
    [{ prefixItems: [true], items: { const: 2 }, minItems: 2, maxItems: 3 }, ["[{},2]", "[0,2,2]"], [
      "[0]",
      "[0,2,2,2]",
    ]],
    [{ enum: ["a", { b: [1] }, null] }, ['"a"', '{"b":[1]}', "null"], ['"b"', "1"]],
    [{ type: "string", enum: ["a", 1] }, ['"a"'], ["1"]],
    [{ anyOf: [{ type: "null" }, { $ref: "#/$defs/n" }], $defs: { n: { type: "integer" } } }, ["null", "4"], ["true"]],
    [{ properties: { next: { $ref: "#" } }, additionalProperties: false }, ['{"next":{"next":{}}}'], ['{"next":1}']],
    [true, ['[{"a":[]},1,"x"]'], ["x", ""]],
    [{}, ["{}"], ["'x'"]],
  ];
  for (const [schema, good, bad] of cases) {
    const rule = schemaRule(schema);
    for (const text of good) {
      assert(reads(rule, text), `${JSON.stringify(schema)} reads ${text}`);
      assertEquals(findInvalid(JSON.parse(text), schema), undefined);
    }
    for (const text of bad) assert(!reads(rule, text), `${JSON.stringify(schema)} does not read ${text}`);
  }
  assert(reads(anyObject, '{"a": [1, {"b": null}]}') && !reads(anyObject, "[]"));
});

Deno.test("Grammar tells for each token whether it may come as reading its bytes does, at every step", () => {
  for (let seed = 0; seed < 12; seed++) {
    const grammar = grammarOf(randomSchema(seed));
    let position: Position = grammar.start;
    const steps = draw(grammar, { budget: Math.max(60, grammar.need), seed }).ids.slice(0, 12);
    for (const id of steps) {
      const needs = grammar.needs(position);
      for (let other = 0; other < tokenizer.vocabulary; other++) {
        const special = [...tokenizer.addedTokens.values()].some((token) => token.special && token.id === other);
        const after = special ? undefined : grammar.advance(position, tokenizer.bytesOf(other));
        const may = after !== undefined && (after.complete || after.threads.length > 0);
        assertEquals(needs[other] !== forbidden, may, `seed ${seed}, ${tokenizer.decode([other])}`);
        if (may && after.complete) assertEquals(needs[other], 0);
      }
      if (id !== eos) position = grammar.advance(position, tokenizer.bytesOf(id));
    }
  }
});

Deno.test("GrammarConstraint gives valid JSON of random schemas within any budget that the shortest value fits in", () => {
  let shortened = 0;
  for (let seed = 0; seed < 300; seed++) {
    const schema = randomSchema(seed);
    const grammar = grammarOf(schema);
    for (const extra of [0, 1, 7, 40, 150]) {
      const budget = Math.max(1, grammar.need + extra);
      const { text, ids } = draw(grammar, { budget, seed: seed * 5 + extra });
      const problem = findInvalid(JSON.parse(text), schema);
      assertEquals(problem, undefined, `seed ${seed}, budget ${budget}: ${text}`);
      if (ids.length === budget) shortened++;
    }
  }
  assert(shortened > 100, "many of them come to the end of their budget");
});

Deno.test("schemaRule() refuses what it does not support, by keyword and place", () => {
  const refused: readonly (readonly [Json, string])[] = [
    [{ pattern: "a(?=b)" }, 'at "#/pattern", looking ahead or behind is not supported, at character 3 of "a(?=b)"'],
    [{ pattern: "a\\b" }, 'at "#/pattern", "\\b" is not supported'],
    [{ pattern: "(a" }, 'at "#/pattern", a group has no end'],
    [{ pattern: "a^b" }, '"^" within an expression is not supported'],
    [{ pattern: "[é]" }, "classes of other than printable ASCII are not supported"],
    [{ pattern: "(a{99}){99}" }, "it takes more than 4096 states"],
    [{ pattern: "a+", maxLength: 3 }, 'at "#/maxLength", it is not supported beside "pattern"'],
    [{ pattern: 3 }, 'at "#/pattern", 3 is not supported'],
    [{ properties: { a: { type: "string", format: "uri" } } }, 'at "#/properties/a/format", "uri" is not supported'],
    [{ uniqueItems: true }, 'at "#/uniqueItems", this keyword is not supported'],
    [{ properties: { "x/y": { not: {} } } }, 'at "#/properties/x~1y/not", this keyword'],
    [{ type: "string", minimum: 3 }, 'at "#/minimum", it is not supported for string'],
    [{ type: "number", minimum: 0.2, maximum: 0.8 }, "numbers from 0.2 to 0.8 are not supported: they have no integer"],
    [{ type: "number", minimum: "3" }, 'at "#/minimum", it is no number'],
    [{ prefixItems: [true, true], maxItems: 1 }, 'arrays of 0 to 1 items are not supported with 2 in "prefixItems"'],
    [{ type: "object", propertyNames: { maxLength: 3 } }, 'at "#/propertyNames", it is not supported but for'],
    [{ type: "array", items: false }, 'at "#/items", no value is valid there'],
    [{ type: "array", uniqueItems: true }, 'at "#/uniqueItems"'],
    [{ type: "text" }, 'at "#/type", "text" is no type, there are object, array'],
    [{ $ref: "https://example.com/a" }, 'at "#/$ref", "https://example.com/a" points outside the schema'],
    [{ $ref: "#/$defs/a" }, 'at "#/$ref", there is no "#/$defs/a"'],
    [{ $ref: "#/$defs/a", $defs: { a: { anyOf: [{ type: "null" }, { $ref: "#/$defs/a" }] } } }, "it refers to itself"],
    [{ $ref: "#" }, "it refers to itself"],
    [{ anyOf: [], type: "string" }, 'at "#/type", it is not supported beside "anyOf"'],
    [
      { oneOf: [{ type: "integer" }, { type: "string" }, { type: "number" }] },
      "its branches 0 and 2 may match the same",
    ],
    [{ oneOf: [{ type: "object" }, { type: "object", required: ["a"] }] }, "its branches 0 and 1 may match the same"],
    [{ enum: [] }, "none of its values is allowed"],
    [{ type: "string", minLength: 4, maxLength: 3 }, 'at "#/maxLength", it is below minLength 4'],
    [{ type: "integer", minimum: 4.5, maximum: 4.9 }, "no integer is from 5 to 4"],
    [{ type: "object", required: ["a"], additionalProperties: false }, '"a" is none of the properties'],
    [{ type: "array", minItems: -1 }, 'at "#/minItems", -1 is no whole number of 0 or more'],
    ["x", 'at "#", it is no schema'],
    [{ enum: ["x".repeat(30_000)] }, "rules and characters of the schema come to more than 20000"],
    [Array.from({ length: 9000 }).reduce<Json>((items) => ({ items }), {}), "more than 100 schemas within each other"],
  ];
  for (const [schema, message] of refused) {
    const error = assertThrows(() => schemaRule(schema), SchemaError);
    assertStringIncludes(error.message, message);
    assertStringIncludes(error.message, "Cannot hold answers to the JSON schema: ");
  }
  const endless = { properties: { a: { $ref: "#" } }, required: ["a"] };
  assertEquals(grammarOf(endless).need, Infinity);
});

Deno.test("Grammar stays fast where a schema reads the same text in ever more ways", () => {
  const items = { $ref: "#" };
  const schema: Json = { anyOf: [{ type: "array", items }, { type: "array", items }, { type: "array", items }] };
  const grammar = grammarOf(schema);
  let position = grammar.start;
  for (let depth = 1; depth <= 60; depth++) {
    position = grammar.advance(position, new TextEncoder().encode("["));
    assert(position.threads.length <= 2048);
    assertEquals(grammar.needAt(position) <= depth, true);
    assert(grammar.needs(position)[tokenizer.encode("]")[0]!] !== forbidden);
  }
  const closed = grammar.advance(position, new TextEncoder().encode("]".repeat(60)));
  assertEquals([closed.complete, closed.threads.length], [true, 0]);
});
