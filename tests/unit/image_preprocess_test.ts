import { assert, assertEquals, assertThrows } from "@std/assert";
import { drawPicture } from "../../cli/verify/picture.ts";
import { ImageError } from "../../core/errors.ts";
import {
  clipPreprocessor,
  preprocess,
  type Preprocessor,
  type RgbImage,
  siglipPreprocessor,
} from "../../data/image/mod.ts";

const pixels = { size: 8, mean: [0.5, 0.25, 0] as const, std: [0.5, 0.5, 2] as const };

/** An image of one colour. */
function even(width: number, height: number, color: readonly number[] = [255, 0, 51]): RgbImage {
  const data = new Uint8Array(3 * width * height);
  for (let i = 0; i < data.length; i++) data[i] = color[i % 3]!;
  return { width, height, data };
}

Deno.test("preprocess() scales, subtracts the mean and divides, channel after channel, in f32", () => {
  const { shape, values } = preprocess(even(2, 1), { scale: 1 / 255, normalize: pixels });
  assertEquals(shape, [1, 3, 1, 2]);
  assertEquals([...values], [1, 1, -0.5, -0.5, Math.fround(0.2) / 2, Math.fround(0.2) / 2]);
});

Deno.test("preprocess() leaves out the steps that are absent", () => {
  assertEquals([...preprocess(even(1, 1), {}).values], [255, 0, 51]);
  assertEquals([...preprocess(even(1, 1), { normalize: pixels }).values], [509, -0.5, 25.5]);
});

Deno.test("preprocess() crops the middle, and puts what is smaller in the middle of black", () => {
  const image: RgbImage = {
    width: 5,
    height: 1,
    data: Uint8Array.from({ length: 15 }, (_, i) => 1 + Math.floor(i / 3)),
  };
  const red = (
    width: number,
    height: number,
  ) => [...preprocess(image, { crop: { width, height } }).values.subarray(0, width * height)];
  assertEquals(red(3, 1), [2, 3, 4]);
  assertEquals(red(4, 1), [1, 2, 3, 4]);
  assertEquals(red(2, 1), [2, 3]);
  assertEquals(red(8, 1), [0, 0, 1, 2, 3, 4, 5, 0]);
  assertEquals(red(3, 2), [0, 0, 0, 2, 3, 4]);
  const normalized = preprocess(image, { crop: { width: 7, height: 1 }, scale: 1 / 255, normalize: pixels });
  assertEquals(normalized.values[0], -1); // black is normalised too
});

Deno.test("preprocess() gives an encoder's size for one pixel, panoramas and 50 megapixels", () => {
  const processors: readonly Preprocessor[] = [clipPreprocessor(pixels), siglipPreprocessor(pixels)];
  for (const [width, height] of [[1, 1], [1, 5000], [5000, 1], [3, 2], [8000, 6250]] as const) {
    for (const processor of processors) {
      const { shape, values } = preprocess(even(width, height), processor);
      assertEquals(shape, [1, 3, 8, 8]);
      assert(values.subarray(0, 64).every((value) => value === 1), `${width}×${height}`);
    }
  }
});

Deno.test("preprocess() takes the crop out of the resized image, whose longer edge is rounded down", () => {
  const image = drawPicture(4, { width: 50, height: 29 });
  const whole = preprocess(image, { resize: { to: { shortestEdge: 8 }, filter: "bicubic" } });
  assertEquals(whole.shape, [1, 3, 8, 13]);
  const part = preprocess(image, {
    resize: { to: { shortestEdge: 8 }, filter: "bicubic" },
    crop: { width: 8, height: 8 },
  });
  const middle = whole.values.filter((_, i) => i % 13 >= 2 && i % 13 < 10);
  assertEquals(part.values, middle);
});

Deno.test("preprocess() refuses an input of more than 2^24 pixels before it computes any", () => {
  const panorama = even(5000, 1);
  const resize = { to: { shortestEdge: 224 }, filter: "bilinear" } as const;
  const message = `Cannot preprocess "5000×1 pixels": 1120000×224 pixels are more than 16777216`;
  assertThrows(() => preprocess(panorama, { resize }), ImageError, message);
  assertEquals(preprocess(panorama, { resize, crop: { width: 224, height: 224 } }).shape, [1, 3, 224, 224]);
});
