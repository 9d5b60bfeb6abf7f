/**
 * How encoders want their images, as data.
 *
 * @module
 */
import type { PixelSpec } from "../../core/encoder.ts";
import type { ResizeFilter } from "./filters.ts";

/** Size of an image. */
export interface ImageSize {
  /** Columns. */
  readonly width: number;
  /** Rows. */
  readonly height: number;
}

/** Length of the shorter edge; the other one follows from the image, rounded down. */
export interface ShortestEdge {
  /** Pixels. */
  readonly shortestEdge: number;
}

/** Three numbers, for red, green, blue. */
export type Rgb = readonly [red: number, green: number, blue: number];

/** The steps from an RGB image to an encoder's input, in this order; those that are absent are left out. */
export interface Preprocessor {
  /** Resizes the image, antialiased. */
  readonly resize?: { readonly to: ImageSize | ShortestEdge; readonly filter: ResizeFilter } | undefined;
  /** Takes the middle; around a smaller image is black. */
  readonly crop?: ImageSize | undefined;
  /** Factor on the values 0…255. */
  readonly scale?: number | undefined;
  /** Subtracts means, then divides by standard deviations. */
  readonly normalize?: { readonly mean: Rgb; readonly std: Rgb } | undefined;
}

/** What a processor does with an encoder's pixels. */
export interface PreprocessorOptions {
  /** How it resizes. Default `bicubic`. */
  readonly filter?: ResizeFilter | undefined;
}

/** What CLIP's processor does: the shorter edge gets the encoder's size, and the middle is cut out. */
export function clipPreprocessor(pixels: PixelSpec, { filter = "bicubic" }: PreprocessorOptions = {}): Preprocessor {
  const { size, mean, std } = pixels;
  return {
    resize: { to: { shortestEdge: size }, filter },
    crop: { width: size, height: size },
    scale: 1 / 255,
    normalize: { mean, std },
  };
}

/** What SigLIP's processor does: the whole image gets the encoder's size, whatever its shape. */
export function siglipPreprocessor(pixels: PixelSpec, { filter = "bicubic" }: PreprocessorOptions = {}): Preprocessor {
  const { size, mean, std } = pixels;
  return { resize: { to: { width: size, height: size }, filter }, scale: 1 / 255, normalize: { mean, std } };
}
