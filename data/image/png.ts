/**
 * PNG files: grey, colour, palette, alpha, 1 to 16 bits, interlaced. Of an animated one, the still picture.
 *
 * Unpacking is the runtime's, row for row. The codec packages need a WASM instance that the first damaged file breaks
 * for good, or unpack without a limit.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import type { EncodedImage } from "./encoded_image.ts";
import { readOrientation } from "./exif.ts";
import { inflatePieces } from "./inflate.ts";
import { type PngFile, type PngHeader, readPngChunks } from "./png_chunks.ts";
import { PngRows, type RowPlace } from "./png_rows.ts";
import type { RgbImage } from "./rgb_image.ts";

/** Reads the header. @throws {ImageError} if the file is damaged */
export function openPng(bytes: Uint8Array): EncodedImage {
  const file = readPngChunks(bytes);
  const { width, height } = file.header;
  const orientation = file.exif === undefined ? 1 : readOrientation(file.exif);
  return { width, height, orientation, animated: file.animated, decode: () => decodePng(file) };
}

async function decodePng({ header, palette, packed }: PngFile): Promise<RgbImage> {
  const { width, height } = header;
  const data = new Uint8Array(3 * width * height);
  const write = rowWriter(header, palette);
  const rows = new PngRows(header, (row, place) => write(row, place, data.subarray(3 * width * place.y)));
  for await (const piece of inflatePieces(packed, "deflate")) {
    rows.push(piece);
    if (rows.missing === undefined) return { width, height, data };
  }
  throw new ImageError(`its pixels end in row ${rows.missing?.y}`);
}

/** Writes the RGB of a row's pixels into a row of the image. */
type RowWriter = (row: Uint8Array, place: RowPlace, to: Uint8Array) => void;

/** The conversion to RGB that Pillow does: no blending, the upper byte of 16 bits; but 16-bit grey ends at 255. */
function rowWriter(header: PngHeader, palette: Uint8Array): RowWriter {
  const { depth, channels, colors } = header;
  if (colors === "palette") return tableWriter(depth, palette);
  if (colors === "grey" && depth <= 8) return tableWriter(depth, greys(depth));
  if (colors === "grey") return writeGrey16;
  const bytes = depth / 8;
  return channels < 3 ? sampleWriter(channels * bytes, 0) : sampleWriter(channels * bytes, bytes);
}

/** All values of a sample as red, green and blue, the largest white. */
function greys(depth: number): Uint8Array {
  const largest = 2 ** depth - 1;
  return Uint8Array.from({ length: 3 * (largest + 1) }, (_, i) => Math.floor(i / 3) * 255 / largest);
}

/** Looks samples of up to 8 bits up in a table of colours; what is not in it is black. */
function tableWriter(depth: number, table: Uint8Array): RowWriter {
  const colors = new Uint8Array(3 * 256);
  colors.set(table.subarray(0, colors.length));
  const mask = 2 ** depth - 1;
  return (row, { x, step, count }, to) => {
    for (let i = 0, at = 3 * x; i < count; i++, at += 3 * step) {
      const bit = i * depth;
      const color = 3 * (row[bit >> 3]! >> (8 - depth - (bit & 7)) & mask);
      to[at] = colors[color]!;
      to[at + 1] = colors[color + 1]!;
      to[at + 2] = colors[color + 2]!;
    }
  };
}

const writeGrey16: RowWriter = (row, { x, step, count }, to) => {
  for (let i = 0, at = 3 * x; i < count; i++, at += 3 * step) {
    to.fill(row[2 * i]! > 0 ? 255 : row[2 * i + 1]!, at, at + 3);
  }
};

/** Takes red, green and blue, each `distance` bytes after the other, from pixels of `size` bytes. */
function sampleWriter(size: number, distance: number): RowWriter {
  return (row, { x, step, count }, to) => {
    for (let i = 0, from = 0, at = 3 * x; i < count; i++, from += size, at += 3 * step) {
      to[at] = row[from]!;
      to[at + 1] = row[from + distance]!;
      to[at + 2] = row[from + 2 * distance]!;
    }
  };
}
