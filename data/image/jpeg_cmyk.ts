/**
 * Decodes JPEG files with four channels, in plain JavaScript: cyan, magenta, yellow and black, or YCCK.
 *
 * @module
 */
import { decode } from "jpeg-js";
import { ImageError } from "../../core/errors.ts";
import type { JpegHeader } from "./jpeg_header.ts";
import type { RgbImage } from "./rgb_image.ts";

/** Most pixels: this decoder needs about 50 bytes for each, many times what the other one does. */
const maxPixels = 24_000_000;

/** What Adobe's programs write into files whose four channels are CMYK: APP14, "Adobe", version 100, transform 0. */
const adobeMarker = [0xff, 0xee, 0, 14, 0x41, 0x64, 0x6f, 0x62, 0x65, 0, 100, 0, 0, 0, 0, 0];

/**
 * Decodes a file, and takes its channels for inverted as Adobe's programs and Pillow do, whoever wrote it.
 *
 * @throws {ImageError} if it is damaged, or has more than 24 megapixels
 */
export function decodeCmykJpeg(file: Uint8Array, header: JpegHeader): RgbImage {
  if (header.width * header.height > maxPixels) {
    throw new ImageError(`${header.width}×${header.height} is more than the ${maxPixels} pixels that CMYK may have`);
  }
  const limits = { formatAsRGBA: false, maxResolutionInMP: maxPixels / 1e6, maxMemoryUsageInMB: 1024 };
  try {
    const { width, height, data } = decode(header.adobe ? file : withAdobeMarker(file), { useTArray: true, ...limits });
    return { width, height, data };
  } catch (cause) {
    throw new ImageError(`its CMYK data are damaged (${cause instanceof Error ? cause.message : cause})`, { cause });
  }
}

function withAdobeMarker(file: Uint8Array): Uint8Array {
  const copy = new Uint8Array(file.length + adobeMarker.length);
  copy.set(file.subarray(0, 2));
  copy.set(adobeMarker, 2);
  copy.set(file.subarray(2), 2 + adobeMarker.length);
  return copy;
}
