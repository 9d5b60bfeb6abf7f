import {
  assert,
  assertAlmostEquals,
  assertArrayIncludes,
  assertEquals,
  AssertionError,
  assertMatch,
  assertNotEquals,
  assertRejects,
  assertStrictEquals,
  assertStringIncludes,
  assertThrows,
  equal,
} from "@std/assert";
import { parseArgs } from "@std/cli/parse-args";

Deno.test("equal() compares by content", () => {
  assert(equal(new Float32Array([1, NaN, 0]), new Float32Array([1, NaN, -0])));
  assert(!equal(new Float32Array([1, 2]), new Float32Array([1, 2.5])));
  assert(!equal(new Float32Array([1]), new Int32Array([1])));
  assert(!equal(new Uint8Array([1]), new Uint8Array([1, 2])));
  assert(equal(new Uint8Array([1, 2]).buffer, new Uint8Array([1, 2]).buffer));
  assert(equal(new Map([["a", [1]], ["b", [2]]]), new Map([["b", [2]], ["a", [1]]])));
  assert(!equal(new Map([["a", 1]]), new Map([["a", 2]])));
  assert(equal(new Set([{ a: 1 }, { a: 2 }]), new Set([{ a: 2 }, { a: 1 }])));
  assert(!equal(new Set([{ a: 1 }, { a: 1 }]), new Set([{ a: 1 }, { a: 2 }])));
  assert(equal(new Set([NaN]), new Set([NaN])));
  assert(!equal({ a: undefined }, {}));
  assert(!equal({ a: undefined }, { b: undefined }));
  assert(equal({ a: 1, b: [1, { c: 2 }] }, { b: [1, { c: 2 }], a: 1 }));
  assert(!equal([1, 2], [2, 1]));
  assert(!equal(new Error("a"), new Error("b")));
  assert(!equal(new Error("a"), new TypeError("a")));
  assert(!equal(/a/, /a/g));
  assert(equal(new Date(5), new Date(5)));
  assert(!equal([], {}));
  assert(!equal(null, {}));
  const [a, b]: Record<string, unknown>[] = [{ x: 1 }, { x: 1 }];
  a!.self = a;
  b!.self = b;
  assert(equal(a, b));
});

Deno.test("assertEquals() shows the lines that differ", () => {
  const actual = { name: "a", values: new Float32Array(100) };
  const expected = { name: "a", values: new Float32Array(100).fill(2, 50, 51) };
  const { message } = assertThrows(() => assertEquals(actual, expected, "of two"), AssertionError);
  assertStringIncludes(message, "Values are not equal: of two");
  assertMatch(message, /^-\s+0,$/m);
  assertMatch(message, /^\+\s+2,$/m);
  assert(message.split("\n").length < 20);
});

Deno.test("assertThrows() returns the error and checks class and message", async () => {
  const fail = () => {
    throw new RangeError("too far");
  };
  assertStrictEquals(assertThrows(fail, RangeError, "far").message, "too far");
  assertThrows(() => assertThrows(fail, TypeError), AssertionError, "RangeError");
  assertThrows(() => assertThrows(fail, RangeError, "near"), AssertionError, "too far");
  assertThrows(() => assertThrows(() => {}), AssertionError, "Expected function to throw");
  assertEquals((await assertRejects(() => Promise.reject(new TypeError("no")), TypeError, "no")).message, "no");
  await assertRejects(() => assertRejects(() => Promise.resolve()), AssertionError, "Expected function to reject");
  await assertRejects(() => assertRejects(() => fail()), AssertionError, "Function throws when expected to reject");
});

Deno.test("the other assertions fail when they should", () => {
  const fails = (fn: () => void) => assertThrows(fn, AssertionError);
  fails(() => assertAlmostEquals(1, 1.01, 0.001));
  fails(() => assertAlmostEquals(NaN, 1, 10));
  assertAlmostEquals(1, 1 + 5e-8);
  fails(() => assertNotEquals([1], [1]));
  fails(() => assertStrictEquals([1], [1]));
  fails(() => assertStringIncludes("abc", "d"));
  fails(() => assertMatch("abc", /d/));
  fails(() => assertArrayIncludes([[1], [2]], [[3]]));
  assertArrayIncludes([[1], [2]], [[2]]);
});

Deno.test("parseArgs() makes numbers, booleans and strings of what nobody declared", () => {
  const args = ["--a", "5", "--b=x", "--c", "-d", "0x1f", "-ef", "g", "-n5", "--", "--h", "6"];
  const { _, ...flags } = parseArgs(args);
  assertEquals(flags, { a: 5, b: "x", c: true, d: 31, e: true, f: "g", n: 5 });
  assertEquals(_, ["--h", "6"]);
});

Deno.test("parseArgs() follows string, boolean, collect, default, alias, negatable and --", () => {
  const args = ["-o", "1", "--out=2", "--quiet", "file", "--no-color", "--size", "007", "--", "rest"];
  const parsed = parseArgs(args, {
    boolean: ["quiet", "color", "force"],
    string: ["out", "size"],
    collect: ["out"],
    default: { color: true, depth: 3 },
    alias: { out: "o" },
    negatable: ["color"],
    "--": true,
  });
  const { _, "--": rest, ...flags } = parsed;
  const expected = { quiet: true, color: false, force: false, out: ["1", "2"], o: ["1", "2"], size: "007", depth: 3 };
  assertEquals<unknown>(flags, expected);
  assertEquals(_, ["file"]);
  assertEquals(rest, ["rest"]);
});

Deno.test("parseArgs() stops early and asks about unknown flags", () => {
  const seen: string[] = [];
  const parsed = parseArgs(["--known", "--odd=1", "run", "--later"], {
    boolean: "known",
    stopEarly: true,
    unknown: (arg, key) => {
      seen.push(arg);
      return key === undefined;
    },
  });
  assertEquals<unknown>(parsed, { known: true, _: ["run", "--later"] });
  assertEquals(seen, ["--odd=1", "run"]);
});
