/**
 * WebP files with one picture: lossy, lossless, with alpha.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import { ByteReader } from "./byte_reader.ts";
import type { EncodedImage } from "./encoded_image.ts";
import { type Orientation, readOrientation } from "./exif.ts";

/** Flag of the header chunk of an animation. */
const animation = 0x02;

/** What the chunks say (RFC 9649). */
interface WebpHeader {
  readonly width: number;
  readonly height: number;
  readonly orientation: Orientation;
}

/** Reads the header. The decoder is loaded when it is needed. @throws {ImageError} if the file is damaged or animated */
export function openWebp(file: Uint8Array): EncodedImage {
  return {
    ...readWebpHeader(file),
    prepare: async () => await (await import("./libwebp.ts")).prepareWebp(),
    decode: async () => await (await import("./libwebp.ts")).decodeWebp(file),
  };
}

function readWebpHeader(file: Uint8Array): WebpHeader {
  const reader = new ByteReader(file, { littleEndian: true });
  reader.skip(4); // RIFF
  const chunks = new ByteReader(reader.take(reader.uint32()), { littleEndian: true });
  chunks.skip(4); // WEBP
  let size: { width: number; height: number } | undefined;
  let orientation: Orientation = 1;
  while (chunks.left > 0) {
    const [type, length] = [chunks.text(4), chunks.uint32()];
    const data = chunks.take(length);
    if (length % 2 === 1 && chunks.left > 0) chunks.skip(1); // chunks start at even bytes
    const found = readSize(type, new ByteReader(data, { littleEndian: true }));
    if (found !== undefined && size !== undefined && (found.width !== size.width || found.height !== size.height)) {
      throw new ImageError("its header and its picture have different sizes");
    }
    size ??= found;
    if (type === "EXIF") orientation = readOrientation(data);
  }
  if (size === undefined) throw new ImageError("it has no picture");
  return { ...size, orientation };
}

/** Width and height, where a chunk tells them. */
function readSize(type: string, chunk: ByteReader): { width: number; height: number } | undefined {
  switch (type) {
    case "VP8X":
      if ((chunk.uint8() & animation) !== 0) throw new ImageError("it is animated, and only still pictures are read");
      chunk.skip(3);
      return { width: chunk.uint24() + 1, height: chunk.uint24() + 1 };
    case "VP8 ":
      chunk.skip(6); // frame tag, start code
      return { width: chunk.uint16() & 0x3fff, height: chunk.uint16() & 0x3fff };
    case "VP8L": {
      chunk.skip(1); // signature
      const bits = chunk.uint32();
      return { width: (bits & 0x3fff) + 1, height: (bits >>> 14 & 0x3fff) + 1 };
    }
  }
  return undefined;
}
