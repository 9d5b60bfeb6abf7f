/**
 * A decoded image: 8-bit red, green, blue.
 *
 * @module
 */

/** An image in memory, as the first row from the top. */
export interface RgbImage {
  /** Pixels a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Red, green, blue of each pixel, 0…255, `[height,width,3]`. */
  readonly data: Uint8Array;
}

/**
 * Drops the alpha of RGBA pixels, as Pillow's `convert("RGB")` does: what is transparent keeps its colour.
 *
 * Works in place: `rgba` is used up, and the result is a view of it.
 */
export function dropAlpha(rgba: Uint8Array | Uint8ClampedArray, size: { width: number; height: number }): RgbImage {
  const { width, height } = size;
  const bytes = new Uint8Array(rgba.buffer, rgba.byteOffset, rgba.byteLength);
  const pixels = width * height;
  for (let pixel = 1; pixel < pixels; pixel++) {
    bytes[3 * pixel] = bytes[4 * pixel]!;
    bytes[3 * pixel + 1] = bytes[4 * pixel + 1]!;
    bytes[3 * pixel + 2] = bytes[4 * pixel + 2]!;
  }
  return { width, height, data: bytes.subarray(0, 3 * pixels) };
}
