import { assertEquals } from "@std/assert";
import { findRepeatedKey } from "../../data/json_keys.ts";

Deno.test("findRepeatedKey() finds a key that one object has twice, however it is written, and no other", () => {
  const cases: readonly (readonly [text: string, repeated: string | undefined])[] = [
    ['{"a":1,"b":{"a":2},"c":[{"a":3},{"a":4}]}', undefined],
    ['{"a":1,"b":2,"a" \n\t: 3}', "a"],
    [String.raw`{"a\"b":1,"a\\":2,"a\u0022b":3}`, 'a"b'],
    [String.raw`{"\\":1,"x\\":{"\\":2}}`, undefined],
    [String.raw`{"a":"a\": {\"a","b":["a","a"]}`, undefined],
    ['{"":1,"a":{"":2,"":3}}', ""],
    ['"a"', undefined],
    ["[]", undefined],
    [JSON.stringify({ "{": "}", "]": "[", ":": '":"' }), undefined],
  ];
  for (const [text, repeated] of cases) {
    JSON.parse(text);
    assertEquals(findRepeatedKey(text), repeated, text);
  }
});
