import { assertEquals } from "@std/assert";
import { drawFloats, drawIntegers } from "../../cli/verify/number_generator.ts";

Deno.test("drawIntegers() draws the documented mulberry32 stream", () => {
  const draws = drawIntegers({ seed: 12345, count: 4 }, { low: 0, high: 2 ** 31 });
  const documented = [4207900869, 1317490944, 2079646450, 3513001552];
  assertEquals([...draws], documented.map((u32) => Math.floor(u32 / 2)));
});

Deno.test("drawFloats() enters the stream at an offset", () => {
  const whole = drawFloats({ seed: 7, count: 100 }, { amplitude: 0.5, center: 1 });
  const tail = drawFloats({ seed: 7, offset: 60, count: 40 }, { amplitude: 0.5, center: 1 });
  assertEquals([...tail], [...whole.subarray(60)]);
  assertEquals(whole.every((value) => value >= 0.5 && value < 1.5), true);
});
