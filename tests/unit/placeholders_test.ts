import { assertEquals, assertThrows } from "@std/assert";
import { PlaceholderError } from "../../core/errors.ts";
import { type PlaceholderRule, spliceIndex } from "../../core/placeholders.ts";

const exact: PlaceholderRule = { marker: 9, tokens: 3, match: "exact" };
const run: PlaceholderRule = { marker: 9, tokens: 3, match: "run" };
const index = (ids: number[], rule: PlaceholderRule, images: number, firstRow?: number) => [
  ...spliceIndex(ids, rule, { images, firstRow }),
];

Deno.test("spliceIndex() gives the k-th full run the rows of the k-th image", () => {
  const ids = [1, 9, 9, 9, 2, 9, 9, 9];
  for (const rule of [exact, run]) {
    assertEquals(index(ids, rule, 2), [-1, 0, 1, 2, -1, 3, 4, 5]);
    assertEquals(index(ids, rule, 2, 12), [-1, 12, 13, 14, -1, 15, 16, 17]);
  }
});

Deno.test("spliceIndex() leaves surplus runs and surplus images alone", () => {
  for (const rule of [exact, run]) {
    assertEquals(index([9, 9, 9, 1, 9, 9, 9], rule, 1), [0, 1, 2, -1, -1, -1, -1]);
    assertEquals(index([9, 9, 9], rule, 5), [0, 1, 2]);
    assertEquals(index([9, 9, 9, 9, 9, 9], rule, 0), [-1, -1, -1, -1, -1, -1]);
  }
});

Deno.test("spliceIndex() keeps a short run as text when exact, and takes the image's first rows otherwise", () => {
  assertEquals(index([1, 9, 9], exact, 1), [-1, -1, -1]);
  assertEquals(index([1, 9, 9], run, 1), [-1, 0, 1]);
  assertEquals(index([9, 1, 9, 9, 9], exact, 1), [-1, -1, 0, 1, 2]);
  assertEquals(index([9, 1, 9, 9, 9], run, 2), [0, -1, 3, 4, 5]);
});

Deno.test("spliceIndex() places one image at the start of a run that is too long when exact", () => {
  assertEquals(index([9, 9, 9, 9], exact, 1), [0, 1, 2, -1]);
});

Deno.test("spliceIndex() refuses adjacent images instead of corrupting one of them", () => {
  const adjacent = [1, 9, 9, 9, 9, 9, 9];
  assertThrows(() => index(adjacent, exact, 2), PlaceholderError, "position 2 belongs to image 0; separate adjacent");
  assertThrows(() => index(adjacent, run, 2), PlaceholderError, "6 markers at position 1, but an image has 3");
  assertThrows(() => index(adjacent, run, 1), PlaceholderError, "6 markers at position 1");
});
