/**
 * An image file whose header was read: what is known before anything is decoded.
 *
 * @module
 */
import type { Orientation } from "./exif.ts";
import type { RgbImage } from "./rgb_image.ts";

/** An image that is still encoded. */
export interface EncodedImage {
  /** Pixels a row, as stored. */
  readonly width: number;
  /** Rows, as stored. */
  readonly height: number;
  /** How it asks to be turned. */
  readonly orientation: Orientation;
  /** Whether it has more pictures than the one that is decoded. Default false. */
  readonly animated?: boolean | undefined;
  /** Loads and compiles the decoder, where that takes a while; decoding does it otherwise. */
  prepare?(): Promise<unknown>;
  /** Decodes it as it is stored. @throws {ImageError} if it is damaged */
  decode(): Promise<RgbImage>;
}
