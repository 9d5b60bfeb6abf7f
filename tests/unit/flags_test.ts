import { assertEquals, assertStringIncludes, assertThrows } from "@std/assert";
import { parseFlags } from "../../cli/flags.ts";

const declared = {
  "max-new-tokens": { type: "number", summary: "Longest answer" },
  "backend": { type: "string", summary: "Backend" },
  "json": { type: "boolean", summary: "JSON output" },
  "image": { type: "list", summary: "An image", value: "FILE" },
} as const;

Deno.test("parseFlags() reads flags of every type and leaves the rest positional", () => {
  const args = ["a", "--max-new-tokens", "5", "--json", "--image", "1.png", "--image=2.png", "7", "--", "--json"];
  const { flags, positional } = parseFlags(args, declared);
  assertEquals(flags, { "max-new-tokens": 5, backend: undefined, json: true, image: ["1.png", "2.png"] });
  assertEquals(positional, ["a", "7", "--json"]);
});

Deno.test("parseFlags() gives absent flags their empty value", () => {
  const { flags, positional } = parseFlags([], declared);
  assertEquals(flags, { "max-new-tokens": undefined, backend: undefined, json: false, image: [] });
  assertEquals(positional, []);
});

Deno.test("parseFlags() takes snake_case for kebab-case and leaves values alone", () => {
  const { flags } = parseFlags(["--max_new_tokens=5", "--backend", "a_b", "--image=c_d.png"], declared);
  assertEquals(flags, { "max-new-tokens": 5, backend: "a_b", json: false, image: ["c_d.png"] });
});

Deno.test("parseFlags() keeps a string flag's number-like value a string", () => {
  assertEquals(parseFlags(["--backend", "1e3"], declared).flags.backend, "1e3");
});

Deno.test("parseFlags() takes a hyphen and negative numbers for values", () => {
  const { flags, positional } = parseFlags(["--backend", "-", "--max_new_tokens", "-1.5", "-"], declared);
  assertEquals([flags.backend, flags["max-new-tokens"], positional], ["-", -1.5, ["-"]]);
  assertEquals(parseFlags(["--backend", "a", "--", "--backend", "-1"], declared).positional, ["--backend", "-1"]);
  assertThrows(() => parseFlags(["--backend", "--json"], declared), TypeError, "it needs a string");
});

Deno.test("parseFlags() names an unknown flag and the one that was meant", () => {
  const message = (args: string[]) => assertThrows(() => parseFlags(args, declared), TypeError).message;
  assertEquals(message(["--backed", "wasm"]), `Cannot read flag "--backed": did you mean --backend?`);
  assertEquals(
    message(["--top_p=3", "x"]),
    `Cannot read flag "--top-p": there are --max-new-tokens, --backend, --json, --image, --help`,
  );
  assertStringIncludes(message(["-q"]), `Cannot read flag "-q"`);
});

Deno.test("parseFlags() refuses a missing value and a value that is no number", () => {
  const message = (args: string[]) => assertThrows(() => parseFlags(args, declared), TypeError).message;
  assertEquals(message(["--backend"]), `Cannot read flag "--backend": it needs a string`);
  assertEquals(message(["--max-new-tokens"]), `Cannot read flag "--max-new-tokens": it needs a number`);
  assertEquals(message(["--max-new-tokens", "many"]), `Cannot read flag "--max-new-tokens": "many" is not a number`);
  assertEquals(message(["--image"]), `Cannot read flag "--image": it needs a FILE`);
});

const spelled = {
  "max-new-tokens": { type: "number", value: "N", summary: "Longest answer", aliases: ["n", "max-tokens"] },
  "show-speed": { type: "switch", summary: "Shows speed", aliases: ["speed"] },
  image: { type: "list", value: "FILE", summary: "An image", aliases: ["i"] },
} as const;

Deno.test("parseFlags() takes every spelling of a flag, and gives its value by its own name", () => {
  const read = (...args: string[]) => parseFlags(args, spelled).flags;
  assertEquals([read("-n", "5"), read("-n5"), read("--max_tokens=5")].map((flags) => flags["max-new-tokens"]), [
    5,
    5,
    5,
  ]);
  assertEquals(read("-i", "a", "--image", "b", "-i=c").image, ["a", "b", "c"]);
});

Deno.test("parseFlags() takes a switch alone or with upstream's 0 and 1, and leaves other arguments be", () => {
  const read = (...args: string[]) => {
    const { flags, positional } = parseFlags(args, spelled);
    return [flags["show-speed"], ...positional];
  };
  assertEquals(read("--show-speed", "x"), [true, "x"]);
  assertEquals(read("--show_speed", "1", "x"), [true, "x"]);
  assertEquals(read("--show_speed", "0", "x"), [false, "x"]);
  assertEquals(read("--speed=0"), [false]);
  assertEquals(read("x", "1"), [false, "x", "1"]);
  assertEquals(read("x", "--", "--show-speed", "1"), [false, "x", "--show-speed", "1"]);
});

Deno.test("parseFlags() proposes other spellings too, and asks a number flag for a number", () => {
  const message = (args: string[]) => assertThrows(() => parseFlags(args, spelled), TypeError).message;
  assertEquals(message(["--max-tokns", "3"]), `Cannot read flag "--max-tokns": did you mean --max-tokens?`);
  assertEquals(message(["-n"]), `Cannot read flag "--max-new-tokens": it needs a number`);
});
