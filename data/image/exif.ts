/**
 * The orientation in EXIF metadata, which are a TIFF file of their own (EXIF 2.32, section 4.6).
 *
 * @module
 */
import { ByteReader } from "./byte_reader.ts";

/** How stored rows and columns lie in the picture: 1 as they are, 2…8 mirrored or turned. */
export type Orientation = 1 | 2 | 3 | 4 | 5 | 6 | 7 | 8;

/** Number of the tag of the orientation. */
const orientationTag = 0x0112;

/** The types of a whole number: 2 and 4 bytes. */
const types = { short: 3, long: 4 };

/**
 * The orientation that EXIF metadata tell; 1 if they do not, or are damaged: a picture is worth showing without them.
 *
 * @param exif The TIFF block, or with `Exif\0\0` before it
 */
export function readOrientation(exif: Uint8Array): Orientation {
  const start = exif[0] === 0x45 ? 6 : 0; // "E" of Exif\0\0
  const tiff = exif.subarray(start);
  const littleEndian = tiff[0] === 0x49; // "II", else "MM"
  try {
    const reader = new ByteReader(tiff, { littleEndian });
    reader.skip(2);
    if (reader.uint16() !== 42) return 1;
    reader.position = reader.uint32();
    for (let entries = reader.uint16(); entries > 0; entries--) {
      const [tag, type, count] = [reader.uint16(), reader.uint16(), reader.uint32()];
      const field = new ByteReader(reader.take(4), { littleEndian });
      if (tag !== orientationTag || count !== 1) continue;
      const value = type === types.short ? field.uint16() : type === types.long ? field.uint32() : 1;
      return value >= 1 && value <= 8 ? value as Orientation : 1;
    }
  } catch {
    // cut off
  }
  return 1;
}
