/**
 * Turns and mirrors an image as its EXIF orientation asks, like Pillow's `ImageOps.exif_transpose`.
 *
 * @module
 */
import type { Orientation } from "./exif.ts";
import type { RgbImage } from "./rgb_image.ts";

/** Edge of the square that is copied at a time, so that reading columns stays within the processor's cache. */
const tile = 32;

/** Where the picture's first pixel is stored, and whether its rows are stored columns. */
const layouts: Readonly<Record<Orientation, { right: boolean; bottom: boolean; swapped: boolean }>> = {
  1: { right: false, bottom: false, swapped: false },
  2: { right: true, bottom: false, swapped: false },
  3: { right: true, bottom: true, swapped: false },
  4: { right: false, bottom: true, swapped: false },
  5: { right: false, bottom: false, swapped: true },
  6: { right: false, bottom: true, swapped: true },
  7: { right: true, bottom: true, swapped: true },
  8: { right: true, bottom: false, swapped: true },
};

/** The upright image. */
export function orient(image: RgbImage, orientation: Orientation): RgbImage {
  if (orientation === 1) return image;
  const { right, bottom, swapped } = layouts[orientation];
  const { width: storedWidth, height: storedHeight, data: stored } = image;
  const [width, height] = swapped ? [storedHeight, storedWidth] : [storedWidth, storedHeight];
  const first = (right ? storedWidth - 1 : 0) + (bottom ? storedHeight - 1 : 0) * storedWidth;
  const alongRow = right ? -1 : 1;
  const alongColumn = bottom ? -storedWidth : storedWidth;
  const [stepX, stepY] = swapped ? [alongColumn, alongRow] : [alongRow, alongColumn];

  const data = new Uint8Array(stored.length);
  for (let top = 0; top < height; top += tile) {
    for (let left = 0; left < width; left += tile) {
      const [endY, endX] = [Math.min(top + tile, height), Math.min(left + tile, width)];
      for (let y = top; y < endY; y++) {
        let to = 3 * (y * width + left);
        let from = 3 * (first + y * stepY + left * stepX);
        for (let x = left; x < endX; x++, to += 3, from += 3 * stepX) {
          data[to] = stored[from]!;
          data[to + 1] = stored[from + 1]!;
          data[to + 2] = stored[from + 2]!;
        }
      }
    }
  }
  return { width, height, data };
}
