/**
 * Decodes WebP files with libwebp.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import { compileCodec, type DecoderParts, runDecoder } from "./emscripten.ts";
import { libwebp } from "./libwebp.generated.ts";
import factory from "./libwebp_glue.generated.js";
import { dropAlpha, type RgbImage } from "./rgb_image.ts";

/** Compiles the decoder. */
export async function prepareWebp(): Promise<void> {
  await compileCodec(libwebp);
}

/** Decodes a file with one picture. @throws {ImageError} if it is damaged */
export async function decodeWebp(file: Uint8Array): Promise<RgbImage> {
  const parts = { factory: factory as unknown as DecoderParts["factory"], codec: libwebp };
  const decoded = await runDecoder(parts, (decoder) => decoder.decode(file));
  if (decoded === null) throw new ImageError("its compressed picture is damaged");
  return dropAlpha(decoded.data, decoded);
}
