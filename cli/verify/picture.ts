/**
 * The picture that golden cases draw instead of storing it: gradients under noise, with a box.
 *
 * @module
 */
import type { ImageSize, RgbImage } from "../../data/image/mod.ts";
import { drawIntegers } from "./number_generator.ts";

/** Draws the picture of a seed. */
export function drawPicture(seed: number, { width, height }: ImageSize): RgbImage {
  const noise = drawIntegers({ seed, count: 3 * width * height }, { low: 0, high: 256 });
  const data = new Uint8Array(3 * width * height);
  const part = (at: number, last: number) => Math.floor(at * 255 / Math.max(last, 1));
  for (let y = 0, i = 0; y < height; y++) {
    const row = part(y, height - 1);
    const inBox = y >= Math.floor(height / 4) && y < Math.floor(height / 2);
    for (let x = 0; x < width; x++, i += 3) {
      if (inBox && x >= Math.floor(width / 3) && x < Math.floor(width / 2)) {
        data.set([255, 0, 128], i);
        continue;
      }
      data[i] = (3 * part(x, width - 1) + noise[i]!) >> 2;
      data[i + 1] = (3 * row + noise[i + 1]!) >> 2;
      data[i + 2] = (3 * part(x + y, height + width - 2) + noise[i + 2]!) >> 2;
    }
  }
  return { width, height, data };
}
