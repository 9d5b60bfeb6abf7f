/**
 * From an image file to an encoder's input: decode, turn upright, resize as Pillow, normalise as transformers.
 *
 * @example
 * ```ts
 * import { loadImage, parsePreprocessor, preprocess } from "./mod.ts";
 *
 * const image = await loadImage("data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=");
 * const pixels = preprocess(image, parsePreprocessor({ image_processor_type: "CLIPImageProcessor" }));
 * console.log(pixels.shape); // [ 1, 3, 224, 224 ]
 * ```
 *
 * @module
 */
export { imageSize, loadImage, type LoadImageOptions, prepareImage } from "./load.ts";
export { type Pixels, preprocess } from "./preprocess.ts";
export {
  clipPreprocessor,
  type ImageSize,
  type Preprocessor,
  type PreprocessorOptions,
  type Rgb,
  type ShortestEdge,
  siglipPreprocessor,
} from "./preprocessor.ts";
export { parsePreprocessor } from "./preprocessor_config.ts";
export { type Rectangle, resize, type ResizeFilter, type ResizeOptions } from "./resize.ts";
export type { RgbImage } from "./rgb_image.ts";
export type { ImageSource, ReadFile } from "./source.ts";
