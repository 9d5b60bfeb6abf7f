/**
 * Reads the chunks of a PNG file (W3C PNG specification, 3rd edition) without unpacking its pixels.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import { crc32 } from "../crc32.ts";
import { ByteReader } from "./byte_reader.ts";

/** What a pixel is made of: the colour types of the specification. */
export type PngColors = "grey" | "rgb" | "palette" | "grey+alpha" | "rgb+alpha";

/** The header chunk. */
export interface PngHeader {
  /** Pixels a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** Bits a sample: 1, 2, 4, 8 or 16. */
  readonly depth: number;
  /** What a pixel is made of. */
  readonly colors: PngColors;
  /** Samples a pixel. */
  readonly channels: number;
  /** Whether rows come in the seven passes of Adam7. */
  readonly interlaced: boolean;
}

/** A PNG file. */
export interface PngFile {
  /** Its header. */
  readonly header: PngHeader;
  /** Red, green, blue of each colour; empty without a palette. */
  readonly palette: Uint8Array;
  /** Its pixels in zlib's packing, in pieces. */
  readonly packed: readonly Uint8Array[];
  /** EXIF metadata, if any. */
  readonly exif: Uint8Array | undefined;
  /** Whether it is animated. */
  readonly animated: boolean;
}

/** By the number of the colour type: name, samples a pixel, allowed depths. */
const colorTypes: Readonly<Record<number, readonly [PngColors, number, readonly number[]]>> = {
  0: ["grey", 1, [1, 2, 4, 8, 16]],
  2: ["rgb", 3, [8, 16]],
  3: ["palette", 1, [1, 2, 4, 8]],
  4: ["grey+alpha", 2, [8, 16]],
  6: ["rgb+alpha", 4, [8, 16]],
};

/** Reads a file. @throws {ImageError} if it breaks the format, a checksum is wrong, or the last chunk is missing */
export function readPngChunks(file: Uint8Array): PngFile {
  const reader = new ByteReader(file);
  reader.skip(8); // the signature
  const first = readChunk(reader);
  if (first.type !== "IHDR") throw new ImageError(`its first chunk is ${JSON.stringify(first.type)} instead of "IHDR"`);
  const header = readHeader(first.data);
  let palette = new Uint8Array();
  let exif: Uint8Array | undefined;
  let animated = false;
  const packed: Uint8Array[] = [];
  for (;;) {
    const { type, data } = readChunk(reader);
    if (type === "IEND") break;
    if (type === "IHDR") throw new ImageError(`it has a second header before byte ${reader.position}`);
    if (type === "PLTE") palette = new Uint8Array(data);
    if (type === "IDAT") packed.push(data);
    if (type === "acTL") animated = true;
    if (type === "eXIf") exif ??= data;
  }
  if (packed.length === 0) throw new ImageError("it has no pixels");
  if (header.colors === "palette" && palette.length === 0) throw new ImageError("it has no palette");
  return { header, palette, packed, exif, animated };
}

function readChunk(reader: ByteReader): { type: string; data: Uint8Array } {
  const start = reader.position;
  const length = reader.uint32();
  if (length > reader.left) throw new ImageError(`the file is cut off in the chunk at byte ${start}`);
  const named = reader.take(4 + length);
  const type = String.fromCharCode(...named.subarray(0, 4));
  if (reader.uint32() !== crc32(named)) {
    throw new ImageError(`the checksum of the chunk ${JSON.stringify(type)} at byte ${start} is wrong`);
  }
  return { type, data: named.subarray(4) };
}

function readHeader(chunk: Uint8Array): PngHeader {
  const reader = new ByteReader(chunk);
  const [width, height, depth, type] = [reader.uint32(), reader.uint32(), reader.uint8(), reader.uint8()];
  const [compression, filter, interlace] = [reader.uint8(), reader.uint8(), reader.uint8()];
  const [colors, channels, depths] = colorTypes[type] ?? [];
  if (colors === undefined || channels === undefined || !depths?.includes(depth)) {
    throw new ImageError(`there is no colour type ${type} with ${depth} bits`);
  }
  if (compression !== 0 || filter !== 0 || interlace > 1) {
    throw new ImageError(`there is no compression ${compression}, filter ${filter}, interlace ${interlace}`);
  }
  return { width, height, depth, colors, channels, interlaced: interlace === 1 };
}
