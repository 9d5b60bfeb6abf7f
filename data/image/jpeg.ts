/**
 * JPEG files: baseline and progressive, grey, colour, and for print (CMYK).
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import type { EncodedImage } from "./encoded_image.ts";
import { type JpegHeader, readJpegHeader } from "./jpeg_header.ts";

/** Reads the header. The decoders are loaded when they are needed. @throws {ImageError} if the file is damaged */
export function openJpeg(file: Uint8Array): EncodedImage {
  const header = readJpegHeader(file);
  const { width, height, orientation, components } = header;
  return {
    width,
    height,
    orientation,
    async prepare() {
      if (components !== 4) await (await import("./mozjpeg.ts")).prepareJpeg();
    },
    // libjpeg as @jsquash/jpeg has it turns everything into RGB but CMYK.
    async decode() {
      refuseHollow(file, header);
      if (components === 4) return (await import("./jpeg_cmyk.ts")).decodeCmykJpeg(file, header);
      return await (await import("./mozjpeg.ts")).decodeJpeg(file);
    },
  };
}

/** Every block of 8×8 pixels takes a bit at least. A decoder would make up for the lack, and take long over it. */
function refuseHollow(file: Uint8Array, { width, height }: JpegHeader): void {
  if (file.length * 8 >= Math.ceil(width / 8) * Math.ceil(height / 8)) return;
  throw new ImageError(`its ${file.length} bytes are too few for ${width}×${height} pixels`);
}
