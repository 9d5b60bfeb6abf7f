/**
 * GIF files: the first frame on its canvas.
 *
 * The packages for it fill what is missing with zeros, and write to the console.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import { ByteReader } from "./byte_reader.ts";
import type { EncodedImage } from "./encoded_image.ts";
import { type GifPixels, unpackLzw } from "./gif_lzw.ts";
import type { RgbImage } from "./rgb_image.ts";

/** What starts a block. */
const block = { image: 0x2c, extension: 0x21, end: 0x3b, graphicControl: 0xf9 };

/** The first frame. */
interface GifFrame {
  readonly left: number;
  readonly top: number;
  readonly width: number;
  readonly height: number;
  readonly interlaced: boolean;
  /** Red, green, blue of each colour; undefined for greys. */
  readonly palette: Uint8Array | undefined;
  /** Number of the colour around the frame. */
  readonly around: number;
  readonly pixels: GifPixels;
}

/** Reads up to the first frame. @throws {ImageError} if the file is damaged */
export function openGif(file: Uint8Array): EncodedImage {
  const reader = new ByteReader(file, { littleEndian: true });
  reader.skip(6); // the signature
  const screen = { width: reader.uint16(), height: reader.uint16() };
  const flags = reader.uint8();
  reader.skip(2); // background, aspect ratio
  const frame = readFrame(reader, readPalette(reader, flags));
  // Pillow enlarges a canvas that its first frame does not fit on.
  const width = Math.max(screen.width, frame.left + frame.width);
  const height = Math.max(screen.height, frame.top + frame.height);
  const decode = () => Promise.resolve(decodeGif(frame, { width, height }));
  return { width, height, orientation: 1, animated: hasFrame(reader), decode };
}

/** Whether another frame follows; what is damaged behind the first one is not looked at any further. */
function hasFrame(reader: ByteReader): boolean {
  while (reader.left > 0) {
    const kind = reader.uint8();
    if (kind === block.image) return true;
    if (kind !== block.extension || reader.left < 1) return false;
    reader.skip(1);
    for (let length = 1; length > 0 && reader.left > 0;) {
      length = reader.uint8();
      reader.skip(Math.min(length, reader.left));
    }
  }
  return false;
}

function readPalette(reader: ByteReader, flags: number): Uint8Array | undefined {
  return (flags & 0x80) === 0 ? undefined : reader.take(3 * 2 ** ((flags & 7) + 1));
}

/** Reads extensions and the first frame. */
function readFrame(reader: ByteReader, shared: Uint8Array | undefined): GifFrame {
  let around = 0;
  for (;;) {
    const start = reader.position;
    const kind = reader.uint8();
    if (kind === block.image) {
      const [left, top, width, height] = [reader.uint16(), reader.uint16(), reader.uint16(), reader.uint16()];
      const flags = reader.uint8();
      const palette = readPalette(reader, flags) ?? shared;
      const depth = reader.uint8();
      if (depth < 1 || depth > 8) throw new ImageError(`its pixels have ${depth} bits`);
      const pixels = { depth, packed: readBlocks(reader) };
      return { left, top, width, height, interlaced: (flags & 0x40) !== 0, palette, around, pixels };
    }
    if (kind === block.end) throw new ImageError("it has no image");
    if (kind !== block.extension) throw new ImageError(`there is no block ${kind}, byte ${start}`);
    const isControl = reader.uint8() === block.graphicControl;
    const data = readBlocks(reader);
    if (isControl) around = (data[0]! & 1) === 1 ? data[3] ?? 0 : 0; // transparent
  }
}

/** The bytes of blocks up to the empty one. */
function readBlocks(reader: ByteReader): Uint8Array {
  const blocks: Uint8Array[] = [];
  for (let length = reader.uint8(); length > 0; length = reader.uint8()) blocks.push(reader.take(length));
  const bytes = new Uint8Array(blocks.reduce((sum, part) => sum + part.length, 0));
  let filled = 0;
  for (const part of blocks) {
    bytes.set(part, filled);
    filled += part.length;
  }
  return bytes;
}

function decodeGif(frame: GifFrame, canvas: { width: number; height: number }): RgbImage {
  const { width, height } = canvas;
  const colors = new Uint8Array(3 * 256); // what is not in the palette is black
  colors.set(frame.palette ?? Uint8Array.from(colors, (_, i) => Math.floor(i / 3)));
  const pixels = unpackLzw(frame.pixels, frame.width * frame.height);

  const data = new Uint8Array(3 * width * height);
  const around = colors.subarray(3 * frame.around, 3 * frame.around + 3);
  if (around.some((value) => value > 0)) { for (let at = 0; at < data.length; at += 3) data.set(around, at); }
  let from = 0;
  for (const row of rowOrder(frame)) {
    for (let at = 3 * ((frame.top + row) * width + frame.left), end = from + frame.width; from < end; from++, at += 3) {
      const color = 3 * pixels[from]!;
      data[at] = colors[color]!;
      data[at + 1] = colors[color + 1]!;
      data[at + 2] = colors[color + 2]!;
    }
  }
  return { width, height, data };
}

/** Rows in the order they are stored: from top to bottom, or in four passes. */
function* rowOrder({ height, interlaced }: GifFrame): Generator<number, void> {
  const passes = interlaced ? [[0, 8], [4, 8], [2, 4], [1, 2]] as const : [[0, 1]] as const;
  for (const [first, step] of passes) {
    for (let row = first; row < height; row += step) yield row;
  }
}
