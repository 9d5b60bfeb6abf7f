import { assertEquals } from "@std/assert";
import { duration, grouped, scaled, table } from "../../cli/format.ts";
import { errorLine, printable, styled } from "../../cli/terminal.ts";

Deno.test("grouped(), scaled() and duration() write numbers for people", () => {
  assertEquals([0, 999, 25_829_888].map(grouped), ["0", "999", "25,829,888"]);
  assertEquals([0, 7, 999, 1500, 35_372_852_736, 4.2e14].map(scaled), ["0", "7", "999", "1.5 k", "35.4 G", "420 T"]);
  assertEquals([0.314, 1.26, 12.4, 999, 1240, 65_000].map(duration), [
    "0.31 ms",
    "1.3 ms",
    "12 ms",
    "999 ms",
    "1.24 s",
    "65.0 s",
  ]);
});

Deno.test("table() makes columns as wide as their widest cell", () => {
  assertEquals(table([["A", "LONG"], ["bcd", "1"], ["e"]], { right: [1] }), "A    LONG\nbcd     1\ne");
  assertEquals(table([]), "");
});

Deno.test("printable() leaves a model's text nothing that a terminal obeys", () => {
  assertEquals(printable("a\tb\n\x1b[31mred\x07\r\x9b2J\x7f 图"), "a\tb\n\uFFFD[31mred\uFFFD\uFFFD\uFFFD2J\uFFFD 图");
});

Deno.test("errorLine() makes one line of what was thrown, and nothing in it is obeyed", () => {
  assertEquals(errorLine(new TypeError('Cannot read "a\n  b\x1b[2J"')), 'Cannot read "a b\uFFFD[2J"');
  assertEquals([errorLine(new RangeError()), errorLine("text"), errorLine(undefined)], [
    "RangeError",
    "text",
    "undefined",
  ]);
});

Deno.test("styled() writes colours only to a terminal", () => {
  assertEquals(styled("a", "red", { isTerminal: false }), "a");
  assertEquals(styled("a", "red", { isTerminal: true }), Deno.noColor ? "a" : "\x1b[31ma\x1b[0m");
});
