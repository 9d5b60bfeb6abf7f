/**
 * JPEG files: baseline and progressive, grey, colour, and for print (CMYK).
 *
 * @module
 */
import type { EncodedImage } from "./encoded_image.ts";
import { readJpegHeader } from "./jpeg_header.ts";

/** Reads the header. The decoders are loaded when they are needed. @throws {ImageError} if the file is damaged */
export function openJpeg(file: Uint8Array): EncodedImage {
  const header = readJpegHeader(file);
  const { width, height, orientation, components } = header;
  return {
    width,
    height,
    orientation,
    // libjpeg as @jsquash/jpeg has it turns everything into RGB but CMYK.
    decode: components === 4
      ? async () => (await import("./jpeg_cmyk.ts")).decodeCmykJpeg(file, header)
      : async () => await (await import("./mozjpeg.ts")).decodeJpeg(file),
  };
}
