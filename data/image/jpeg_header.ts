/**
 * Walks the markers of a JPEG file (ITU-T T.81, annex B), the way libjpeg does, without decoding.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import { ByteReader } from "./byte_reader.ts";
import { type Orientation, readOrientation } from "./exif.ts";

/** What the markers say. */
export interface JpegHeader {
  /** Pixels a row. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
  /** 1 grey, 3 colour, 4 for print. */
  readonly components: number;
  /** Whether a marker of Adobe's tells how colours are stored. */
  readonly adobe: boolean;
  /** Orientation in EXIF metadata. */
  readonly orientation: Orientation;
}

/** More passes than any encoder makes; each costs the decoder a walk over the whole image. */
const maxScans = 100;

/** Second bytes of markers. */
const marker = { endOfImage: 0xd9, startOfScan: 0xda, exif: 0xe1, adobe: 0xee };

/** A marker with nothing behind it: TEM, RST0…RST7, SOI. */
const standsAlone = (code: number) => code === 0x01 || code >= 0xd0 && code <= 0xd8;

/** SOF0…SOF15 without the tables DHT, JPG and DAC among them. */
const startsFrame = (code: number) => code >= 0xc0 && code <= 0xcf && code !== 0xc4 && code !== 0xc8 && code !== 0xcc;

/**
 * Reads a JPEG file up to its end marker.
 *
 * @throws {ImageError} if it is cut off, has no image or two, or more than 100 scans
 */
export function readJpegHeader(file: Uint8Array): JpegHeader {
  const reader = new ByteReader(file);
  reader.skip(2); // SOI
  let frame: { width: number; height: number; components: number } | undefined;
  let [adobe, scans, orientation] = [false, 0, undefined as Orientation | undefined];
  for (;;) {
    const code = nextMarker(file, reader);
    if (code === marker.endOfImage) break;
    if (standsAlone(code)) continue;
    const start = reader.position;
    const length = reader.uint16();
    if (length < 2) throw new ImageError(`the segment at byte ${start} says it is ${length} bytes long`);
    const segment = reader.take(length - 2);
    if (startsFrame(code)) {
      if (frame !== undefined) throw new ImageError(`a second image starts at byte ${start}`);
      frame = readFrame(segment);
    } else if (code === marker.startOfScan) {
      if (++scans > maxScans) throw new ImageError(`it has more than ${maxScans} scans`);
    } else if (code === marker.exif && startsWith(segment, "Exif\0\0")) {
      orientation ??= readOrientation(segment);
    } else if (code === marker.adobe && startsWith(segment, "Adobe")) {
      adobe = true;
    }
  }
  if (frame === undefined || scans === 0) throw new ImageError("it has no image");
  return { ...frame, adobe, orientation: orientation ?? 1 };
}

/** Code of the next marker; bytes before it belong to a scan, or to nothing. */
function nextMarker(file: Uint8Array, reader: ByteReader): number {
  for (;;) {
    const at = file.indexOf(0xff, reader.position);
    reader.position = at < 0 ? file.length : at;
    let code: number;
    do code = reader.uint8(); while (code === 0xff); // any number of them may come first
    if (code !== 0) return code; // FF 00 is a byte of a scan
  }
}

function readFrame(segment: Uint8Array): { width: number; height: number; components: number } {
  const reader = new ByteReader(segment);
  const bits = reader.uint8();
  if (bits !== 8) throw new ImageError(`it has ${bits} bits a channel instead of 8`);
  const [height, width, components] = [reader.uint16(), reader.uint16(), reader.uint8()];
  return { width, height, components };
}

function startsWith(segment: Uint8Array, text: string): boolean {
  return Array.from(text).every((character, i) => segment[i] === character.charCodeAt(0));
}
