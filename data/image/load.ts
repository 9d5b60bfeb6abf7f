/**
 * From an image file to its pixels.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import type { EncodedImage } from "./encoded_image.ts";
import { formatOf } from "./formats.ts";
import { orient } from "./orient.ts";
import type { RgbImage } from "./rgb_image.ts";
import { type ImageSource, nameOf, type ReadFile, readSource } from "./source.ts";

/** How to load an image, and how large it may be. */
export interface LoadImageOptions {
  /** What messages call it. Default its path or file name, else `image`. */
  readonly name?: string | undefined;
  /** Most bytes of the file. Default 20 MiB. */
  readonly maxBytes?: number | undefined;
  /** Most pixels, looked up before anything is decoded. Default 64 million; decoding takes some 10 bytes for each. */
  readonly maxPixels?: number | undefined;
  /** Whether an animated file is refused, instead of giving its first picture. Default false. */
  readonly still?: boolean | undefined;
  /** Reads sources that are texts but no data URI. Default: they are refused. */
  readonly readFile?: ReadFile | undefined;
  /** Ends loading between two steps. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Loads a JPEG, PNG, WebP or the first frame of a GIF, and turns it upright.
 *
 * Pixels are those of Pillow's `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`: what is transparent keeps
 * its colour, 16-bit grey ends at 255. The format is told by the bytes, and its decoder loaded when first needed.
 *
 * @throws {ImageError} if the file is damaged, cut off, animated WebP, of another format, or too large
 * @throws whatever `readFile` throws, and the reason of the signal
 *
 * @example
 * ```ts
 * import { loadImage } from "./mod.ts";
 *
 * const image = await loadImage("data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=");
 * console.log(image); // { width: 1, height: 1, data: Uint8Array(3) [ 255, 0, 0 ] }
 * ```
 */
export async function loadImage(source: ImageSource, options: LoadImageOptions = {}): Promise<RgbImage> {
  const { encoded, refusal } = await openImage(source, options);
  let image: RgbImage;
  try {
    image = await encoded.decode();
  } catch (error) {
    throw error instanceof Error ? refusal(error) : error;
  }
  options.signal?.throwIfAborted();
  return orient(image, encoded.orientation);
}

/**
 * Loads and compiles what {@link loadImage} will need for an image, so that it may happen while something else is waited
 * for. Nothing is decoded.
 *
 * @throws what `loadImage` throws, where the header tells
 */
export async function prepareImage(source: ImageSource, options: LoadImageOptions = {}): Promise<void> {
  const { encoded } = await openImage(source, options);
  await encoded.prepare?.();
}

/**
 * The size of an image as {@link loadImage} gives it, from the file's header alone.
 *
 * @throws what `loadImage` throws, where the header tells
 */
export async function imageSize(
  source: ImageSource,
  options: LoadImageOptions = {},
): Promise<Pick<RgbImage, "width" | "height">> {
  const { encoded: { width, height, orientation } } = await openImage(source, options);
  return orientation > 4 ? { width: height, height: width } : { width, height };
}

/** Reads a file and its header; `refusal` makes an error that names both. */
async function openImage(
  source: ImageSource,
  options: LoadImageOptions,
): Promise<{ readonly encoded: EncodedImage; refusal(cause: Error): ImageError }> {
  const { name = nameOf(source), maxBytes = 20 * 2 ** 20, maxPixels = 64_000_000, readFile, signal, still = false } =
    options;
  let what = `"${name}"`;
  const refusal = (cause: Error) => new ImageError(`Cannot load ${what}: ${cause.message}`, { cause });
  signal?.throwIfAborted();
  const file = await readSource(source, { maxBytes, readFile, signal }).catch((error) => {
    throw error instanceof ImageError ? refusal(error) : error; // readFile's errors are the caller's
  });
  signal?.throwIfAborted();
  try {
    const format = formatOf(file);
    what += ` as ${format.name}`;
    const encoded = await format.open(file);
    checkSize(encoded, maxPixels);
    if (still && encoded.animated) throw new ImageError("it is animated, and only still pictures are read");
    return { encoded, refusal };
  } catch (error) {
    throw error instanceof Error ? refusal(error) : error;
  }
}

function checkSize({ width, height }: EncodedImage, maxPixels: number): void {
  const [pixels, size] = [width * height, `${width}×${height}`];
  if (pixels === 0) throw new ImageError(`it is ${size} pixels`);
  if (pixels > maxPixels) {
    throw new ImageError(`its ${size} = ${pixels} pixels are more than the ${maxPixels} allowed (maxPixels)`);
  }
}
