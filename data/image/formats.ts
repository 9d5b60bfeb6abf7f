/**
 * Tells the format of an image file by its first bytes, whatever its name says.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import type { EncodedImage } from "./encoded_image.ts";

/** Text in Latin-1 that files of a format have at a byte. */
type Signature = readonly [name: string, at: number, text: string];

/** A format that is read. */
export interface ImageFormat {
  /** Its name, for instance `PNG`. */
  readonly name: string;
  /** Reads the header of a file. @throws {ImageError} if the file is damaged */
  open(file: Uint8Array): Promise<EncodedImage>;
}

// What reads a format is loaded for the first file of it.
const formats: readonly (readonly [open: ImageFormat["open"], ...signature: Signature])[] = [
  [async (file) => (await import("./jpeg.ts")).openJpeg(file), "JPEG", 0, "\xff\xd8\xff"],
  [async (file) => (await import("./png.ts")).openPng(file), "PNG", 0, "\x89PNG\r\n\x1a\n"],
  [async (file) => (await import("./webp.ts")).openWebp(file), "WebP", 8, "WEBP"],
  [openGif, "GIF", 0, "GIF87a"],
  [openGif, "GIF", 0, "GIF89a"],
];

async function openGif(file: Uint8Array): Promise<EncodedImage> {
  return (await import("./gif.ts")).openGif(file);
}

/** Formats that are not read, but whose name helps. */
const others: readonly Signature[] = [
  ["HEIC", 4, "ftyphei"],
  ["HEIC", 4, "ftyphev"],
  ["HEIC", 4, "ftypmif1"],
  ["AVIF", 4, "ftypavi"],
  ["JPEG XL", 0, "\xff\x0a"],
  ["JPEG XL", 4, "JXL "],
  ["JPEG 2000", 4, "jP  "],
  ["BMP", 0, "BM"],
  ["TIFF", 0, "II*\0"],
  ["TIFF", 0, "MM\0*"],
  ["PDF", 0, "%PDF"],
  ["SVG", 0, "<svg"],
  ["XML", 0, "<?xml"],
  ["HTML", 0, "<!DOCTYPE"],
  ["HTML", 0, "<html"],
  ["a Git LFS pointer", 0, "version https://git-lfs"],
];

/** The format of a file. @throws {ImageError} if it is none that is read */
export function formatOf(file: Uint8Array): ImageFormat {
  if (file.length === 0) throw new ImageError("it is empty");
  const start = String.fromCharCode(...file.subarray(0, 32));
  const known = formats.find(([, , at, text]) => start.startsWith(text, at));
  if (known !== undefined) return { name: known[1], open: known[0] };
  const [name] = others.find(([, at, text]) => start.startsWith(text, at)) ?? ["unknown"];
  throw new ImageError(`its format is ${name}; JPEG, PNG, WebP and GIF are read`);
}
