/**
 * Decodes WebP files with libwebp.
 *
 * @module
 */
import factory from "@jsquash/webp/codec/dec/webp_dec.js";
import { ImageError } from "../../core/errors.ts";
import { type DecoderParts, runDecoder } from "./emscripten.ts";
import { libwebp } from "./libwebp.generated.ts";
import { dropAlpha, type RgbImage } from "./rgb_image.ts";

/** Decodes a file with one picture. @throws {ImageError} if it is damaged */
export async function decodeWebp(file: Uint8Array): Promise<RgbImage> {
  const parts = { factory: factory as unknown as DecoderParts["factory"], codec: libwebp };
  const decoded = await runDecoder(parts, (decoder) => decoder.decode(file));
  if (decoded === null) throw new ImageError("its compressed picture is damaged");
  return dropAlpha(decoded.data, decoded);
}
