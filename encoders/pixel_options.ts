/**
 * What pixels an encoder of another runtime takes, as far as its user says.
 *
 * @module
 */
import type { PixelSpec } from "../core/encoder.ts";

/** A {@link PixelSpec} whose fields may be left open. */
export interface PixelOptions {
  /** Edge of the square input in pixels. */
  readonly size?: number | undefined;
  /** Mean per channel of pixels in 0…1, red, green, blue. */
  readonly mean?: PixelSpec["mean"] | undefined;
  /** Standard deviation per channel of pixels in 0…1, red, green, blue. */
  readonly std?: PixelSpec["std"] | undefined;
  /** How an image becomes square. */
  readonly fit?: PixelSpec["fit"];
  /** Resampling filter. */
  readonly filter?: PixelSpec["filter"];
}
