import { assertEquals, assertThrows } from "@std/assert";
import { resize, type ResizeFilter, type RgbImage } from "../../data/image/mod.ts";
import { drawPicture } from "../../cli/verify/picture.ts";

const filters: readonly ResizeFilter[] = ["bilinear", "bicubic", "lanczos"];

/** The part of an image that a window shows. */
function crop(image: RgbImage, window: { left: number; top: number; width: number; height: number }): number[] {
  const { left, top, width, height } = window;
  const rows = Array.from({ length: height }, (_, y) => 3 * ((top + y) * image.width + left));
  return rows.flatMap((start) => [...image.data.subarray(start, start + 3 * width)]);
}

Deno.test("resize() computes in a window exactly what the whole image has there", () => {
  const image = drawPicture(1, { width: 31, height: 23 });
  for (const filter of filters) {
    for (const size of [{ width: 13, height: 47 }, { width: 64, height: 9 }, { width: 31, height: 23 }]) {
      const whole = resize(image, { ...size, filter });
      const window = { left: 5, top: 2, width: 7, height: 6 };
      const part = resize(image, { ...size, filter, window });
      assertEquals([part.width, part.height], [7, 6]);
      assertEquals([...part.data], crop(whole, window));
    }
  }
});

Deno.test("resize() keeps an image of the same size, and an even colour at any size, as they are", () => {
  const image = drawPicture(2, { width: 12, height: 9 });
  const even: RgbImage = { width: 5, height: 3, data: new Uint8Array(45).map((_, i) => [7, 130, 255][i % 3]!) };
  for (const filter of filters) {
    assertEquals(resize(image, { width: 12, height: 9, filter }).data, image.data);
    const { data } = resize(even, { width: 11, height: 2, filter });
    assertEquals([...data], Array.from({ length: 66 }, (_, i) => [7, 130, 255][i % 3]!));
  }
});

Deno.test("resize() refuses sizes that are no whole numbers above 0, and windows that are not inside", () => {
  const image = drawPicture(3, { width: 4, height: 4 });
  const refused = (
    width: number,
    height: number,
    window?: { left: number; top: number; width: number; height: number },
  ) => assertThrows(() => resize(image, { width, height, filter: "bicubic", window }), RangeError, "Cannot resize to");
  refused(0, 4);
  refused(4, 2.5);
  refused(4, NaN);
  refused(4, 4, { left: 1, top: 0, width: 4, height: 4 });
  refused(4, 4, { left: 0, top: -1, width: 4, height: 4 });
  refused(4, 4, { left: 0, top: 0, width: 0, height: 4 });
});
