/**
 * Decodes grey and colour JPEG files with mozjpeg, whose pixels are those of libjpeg-turbo bit for bit.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import { compileCodec, type DecoderParts, runDecoder } from "./emscripten.ts";
import { mozjpeg } from "./mozjpeg.generated.ts";
import factory from "./mozjpeg_glue.generated.js";
import { dropAlpha, type RgbImage } from "./rgb_image.ts";

/** Compiles the decoder. */
export async function prepareJpeg(): Promise<void> {
  await compileCodec(mozjpeg);
}

/** Decodes a file. @throws {ImageError} if it is damaged beyond what libjpeg bears with */
export async function decodeJpeg(file: Uint8Array): Promise<RgbImage> {
  const parts = { factory: factory as unknown as DecoderParts["factory"], codec: mozjpeg };
  const decoded = await runDecoder(parts, (decoder) => decoder.decode(file, false)); // EXIF is ours to read
  if (decoded === null) throw new ImageError("the decoder gives no reason");
  return dropAlpha(decoded.data, decoded);
}
