/**
 * Resizes 8-bit images exactly as Pillow's `Image.resize` does: rows first, then columns, rounded to 8 bits after each.
 *
 * Source: `src/libImaging/Resample.c` of Pillow (`ImagingResampleHorizontal_8bpc`, `ImagingResampleVertical_8bpc`).
 *
 * @module
 */
import { fractionBits, type ResizeFilter, type ResizeWeights, resizeWeights } from "./filters.ts";
import type { RgbImage } from "./rgb_image.ts";

export type { ResizeFilter } from "./filters.ts";

/** A part of an image, in pixels. */
export interface Rectangle {
  /** First column. */
  readonly left: number;
  /** First row. */
  readonly top: number;
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/** What to resize to. */
export interface ResizeOptions {
  /** Columns of the resized image. */
  readonly width: number;
  /** Rows of the resized image. */
  readonly height: number;
  /** How pixels are weighted. */
  readonly filter: ResizeFilter;
  /** The part of the resized image that is wanted; nothing else is computed. Default all. */
  readonly window?: Rectangle | undefined;
}

/** Half of a unit, so that cutting the fraction off rounds. */
const half = 1 << (fractionBits - 1);

/**
 * The resized image, or the window of it.
 *
 * @throws {RangeError} if a size is not a whole number above 0, or the window is not inside
 */
export function resize(image: RgbImage, options: ResizeOptions): RgbImage {
  const { width, height, filter } = options;
  const window = options.window ?? { left: 0, top: 0, width, height };
  checkAxis(window.left, window.width, width);
  checkAxis(window.top, window.height, height);
  const rows = resizeWeights({ from: image.height, to: height, start: window.top, count: window.height }, filter);
  const last = window.height - 1;
  const top = rows.starts[0]!;
  const bottom = rows.starts[last]! + rows.counts[last]!;
  const columns = resizeWeights({ from: image.width, to: width, start: window.left, count: window.width }, filter);
  const narrowed = resizeRows(image, columns, { top, bottom }); // rows that the window needs
  return resizeColumns(narrowed, rows, top);
}

function checkAxis(start: number, count: number, size: number): void {
  const whole = [start, count, size].every(Number.isSafeInteger);
  if (whole && size > 0 && start >= 0 && count > 0 && start + count <= size) return;
  throw new RangeError(`Cannot resize to ${size} pixels and take ${count} from ${start} on`);
}

/** Resizes each row from `top` to before `bottom`. */
function resizeRows(image: RgbImage, columns: ResizeWeights, rows: { top: number; bottom: number }): RgbImage {
  const width = columns.starts.length;
  const height = rows.bottom - rows.top;
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const start = 3 * image.width * (rows.top + y);
    const row = image.data.subarray(start, start + 3 * image.width);
    resizeRow(row, columns, data.subarray(3 * width * y, 3 * width * (y + 1)));
  }
  return { width, height, data };
}

function resizeRow(from: Uint8Array, { starts, counts, taps, weights }: ResizeWeights, to: Uint8Array): void {
  for (let x = 0; x < starts.length; x++) {
    let [red, green, blue] = [half, half, half];
    let pixel = 3 * starts[x]!;
    const end = x * taps + counts[x]!;
    for (let k = x * taps; k < end; k++) {
      const weight = weights[k]!;
      red = (red + Math.imul(from[pixel]!, weight)) | 0;
      green = (green + Math.imul(from[pixel + 1]!, weight)) | 0;
      blue = (blue + Math.imul(from[pixel + 2]!, weight)) | 0;
      pixel += 3;
    }
    to[3 * x] = clip(red);
    to[3 * x + 1] = clip(green);
    to[3 * x + 2] = clip(blue);
  }
}

/** Resizes columns; the image starts at row `top` of the one that the weights are for. */
function resizeColumns(image: RgbImage, rows: ResizeWeights, top: number): RgbImage {
  const { starts, counts, taps, weights } = rows;
  const stride = 3 * image.width;
  const from = image.data;
  const height = starts.length;
  const data = new Uint8Array(stride * height);
  const sums = new Int32Array(stride);
  for (let y = 0; y < height; y++) {
    sums.fill(half);
    let pixel = (starts[y]! - top) * stride;
    for (let k = y * taps; k < y * taps + counts[y]!; k++) {
      const weight = weights[k]!;
      for (let i = 0; i < stride; i++) sums[i] = sums[i]! + Math.imul(from[pixel++]!, weight);
    }
    for (let i = 0; i < stride; i++) data[y * stride + i] = clip(sums[i]!);
  }
  return { width: image.width, height, data };
}

/** The whole part, within 0…255. */
function clip(sum: number): number {
  const value = sum >> fractionBits;
  return value < 0 ? 0 : value > 255 ? 255 : value;
}
