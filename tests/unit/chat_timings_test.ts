import { assertEquals } from "@std/assert";
import { answerTimings, formatTimings } from "../../cli/chat/timings.ts";

const timings = { imageMs: 100, encodeMs: 500, prefillMs: 250, decodeMs: 2000 };
const usage = { promptTokens: 226, cachedTokens: 26, imageTokens: 196, completionTokens: 101 };

Deno.test("answerTimings() adds up to the first token, and counts the others per second", () => {
  assertEquals(answerTimings(timings, usage), { ...timings, firstTokenMs: 850, tokensPerSecond: 50 });
  assertEquals(answerTimings(timings, usage, 400).firstTokenMs, 1250);
  assertEquals(answerTimings(timings, { ...usage, completionTokens: 1 }).tokensPerSecond, 0);
});

Deno.test("formatTimings() has a line for each part, and for images only where there were any", () => {
  const start = { startMs: 60, loadMs: 340, readMs: 90 };
  assertEquals(formatTimings(answerTimings(timings, usage, 400), usage, start).split("\n"), [
    "start            60 ms  engine and command",
    "load            340 ms  files 90 ms, weights 250 ms",
    "image           100 ms  read, decode, resize",
    "encode          500 ms  encoder and projector",
    "prefill         250 ms  200 tokens, 800 tokens/s, 26 more were in the cache",
    "first token    1250 ms  from the command",
    "decode         2000 ms  101 tokens, 50 tokens/s",
  ]);
  const plain = { ...timings, imageMs: 0, encodeMs: 0 };
  assertEquals(formatTimings(answerTimings(plain, usage), { ...usage, cachedTokens: 0 }).split("\n"), [
    "prefill         250 ms  226 tokens, 904 tokens/s",
    "first token     250 ms  from the question",
    "decode         2000 ms  101 tokens, 50 tokens/s",
  ]);
});
