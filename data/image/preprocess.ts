/**
 * From an RGB image to an encoder's input, bit for bit as the image processors of `transformers` do with Pillow.
 *
 * Source: `image_transforms.py` of transformers (`get_resize_output_image_size`, `center_crop`, `rescale`, `normalize`).
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import type { ImageSize, Preprocessor } from "./preprocessor.ts";
import { type Rectangle, resize } from "./resize.ts";
import type { RgbImage } from "./rgb_image.ts";

/** An encoder's input. */
export interface Pixels {
  /** One image, three channels, rows, columns. */
  readonly shape: readonly [images: 1, channels: 3, height: number, width: number];
  /** The channels one after the other, in C order of the shape. */
  readonly values: Float32Array;
}

/** Most pixels of an encoder's input. */
const maxPixels = 2 ** 24;

/**
 * Resizes, crops, scales and normalises. Of a resized image only what is cropped is computed.
 *
 * @throws {ImageError} if the input would have more than 2^24 pixels, as of a panorama that is not cropped
 */
export function preprocess(image: RgbImage, preprocessor: Preprocessor): Pixels {
  const whole = resizedSize(image, preprocessor);
  const { width, height } = preprocessor.crop ?? whole;
  if (width * height > maxPixels) {
    const from = `${image.width}×${image.height}`;
    throw new ImageError(`Cannot preprocess "${from} pixels": ${width}×${height} pixels are more than ${maxPixels}`);
  }
  const columns = middle(whole.width, width);
  const rows = middle(whole.height, height);
  const window = { left: columns.start, top: rows.start, width: columns.count, height: rows.count };
  const part = preprocessor.resize === undefined
    ? cut(image, window)
    : resize(image, { ...whole, filter: preprocessor.resize.filter, window });

  const table = valueTable(preprocessor); // [3,256]
  const values = new Float32Array(3 * width * height); // [3,height,width]
  for (let channel = 0; channel < 3; channel++) {
    const colors = table.subarray(256 * channel, 256 * (channel + 1));
    const plane = values.subarray(channel * width * height, (channel + 1) * width * height);
    if (part.width < width || part.height < height) plane.fill(colors[0]!);
    for (let y = 0, from = channel; y < part.height; y++) {
      const to = (rows.margin + y) * width + columns.margin;
      for (let x = 0; x < part.width; x++, from += 3) plane[to + x] = colors[part.data[from]!]!;
    }
  }
  return { shape: [1, 3, height, width], values };
}

function resizedSize({ width, height }: ImageSize, { resize }: Preprocessor): ImageSize {
  if (resize === undefined) return { width, height };
  const { to } = resize;
  if (!("shortestEdge" in to)) return to;
  const [short, long] = [Math.min(width, height), Math.max(width, height)];
  const longest = Math.trunc(to.shortestEdge * long / short);
  return width <= height ? { width: to.shortestEdge, height: longest } : { width: longest, height: to.shortestEdge };
}

/** The middle of a line of `size` pixels, or, where that is shorter, its place in the middle. */
function middle(size: number, wanted: number): { start: number; count: number; margin: number } {
  const start = Math.floor((size - wanted) / 2);
  return { start: Math.max(0, start), count: Math.min(size, wanted), margin: Math.max(0, -start) };
}

/** A part of an image. */
function cut(image: RgbImage, { left, top, width, height }: Rectangle): RgbImage {
  const data = new Uint8Array(3 * width * height);
  for (let y = 0; y < height; y++) {
    const from = 3 * ((top + y) * image.width + left);
    data.set(image.data.subarray(from, from + 3 * width), 3 * width * y);
  }
  return { width, height, data };
}

/** What each value of each channel becomes, `[3,256]`: scaled in f64, then f32 as NumPy has it. */
function valueTable({ scale = 1, normalize }: Preprocessor): Float32Array {
  const table = new Float32Array(3 * 256);
  for (let i = 0; i < table.length; i++) {
    const scaled = Math.fround((i % 256) * scale);
    const [mean, std] = [normalize?.mean[i >> 8] ?? 0, normalize?.std[i >> 8] ?? 1];
    table[i] = Math.fround(scaled - Math.fround(mean)) / Math.fround(std);
  }
  return table;
}
