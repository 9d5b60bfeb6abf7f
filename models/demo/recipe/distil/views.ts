/**
 * Views of photos: which photo, which part of it, mirrored or not, in which light. A view depends on seed and number
 * alone, so that a run that resumes sees what it would have seen.
 *
 * @module
 */
import { uniform } from "../../../../core/sampling.ts";
import { resize, type RgbImage } from "../../../../data/image/mod.ts";
import type { PhotoPack } from "./photos.ts";

/** A pack and how often it is drawn from. */
export interface WeightedPack {
  /** The photos. */
  readonly pack: PhotoPack;
  /** Its part of all views; the parts of all packs add up to 1. */
  readonly share: number;
  /** Smallest part of a photo's area that a view shows. */
  readonly leastArea: number;
}

/** How a view's colours differ from the photo's: factors around 1. */
export interface Light {
  /** On all values. */
  readonly brightness: number;
  /** On the distance from the mean. */
  readonly contrast: number;
  /** On the distance from grey. */
  readonly saturation: number;
}

/** A view: the part of the photo, and the light for the student alone. */
export interface View {
  /** Cut out and perhaps mirrored, not resized. */
  readonly image: RgbImage;
  /** How the student sees it. */
  readonly light: Light;
}

/** The photo as it is. */
export const plainLight: Light = { brightness: 1, contrast: 1, saturation: 1 };

/** Draws view `number` of a run. */
export async function drawView(
  packs: readonly WeightedPack[],
  { seed, number }: { readonly seed: number; readonly number: number },
): Promise<View> {
  let draw = 16 * number;
  const between = (low: number, high: number) => low + (high - low) * uniform(seed, draw++);
  let left = between(0, 1);
  const chosen = packs.find(({ share }) => (left -= share) < 0) ?? packs[0]!;
  const photo = await chosen.pack.photo(Math.floor(between(0, chosen.pack.count)));
  const area = between(chosen.leastArea, 1), ratio = Math.exp(between(-0.29, 0.29)); // 3:4 to 4:3
  const width = Math.min(photo.width, Math.round(photo.width * Math.sqrt(area * ratio)));
  const height = Math.min(photo.height, Math.round(photo.height * Math.sqrt(area / ratio)));
  const x = Math.floor(between(0, photo.width - width + 1)), y = Math.floor(between(0, photo.height - height + 1));
  const image = cut(photo, { x, y, width, height, mirrored: between(0, 1) < 0.5 });
  const light = { brightness: between(0.7, 1.3), contrast: between(0.7, 1.3), saturation: between(0.6, 1.4) };
  return { image, light };
}

interface Cut {
  readonly x: number;
  readonly y: number;
  readonly width: number;
  readonly height: number;
  readonly mirrored: boolean;
}

function cut(photo: RgbImage, { x, y, width, height, mirrored }: Cut): RgbImage {
  const data = new Uint8Array(3 * width * height);
  for (let row = 0, to = 0; row < height; row++) {
    for (let column = 0; column < width; column++) {
      let from = 3 * ((y + row) * photo.width + x + (mirrored ? width - 1 - column : column));
      data[to++] = photo.data[from++]!;
      data[to++] = photo.data[from++]!;
      data[to++] = photo.data[from++]!;
    }
  }
  return { width, height, data };
}

/** An image stretched to a square of `size` pixels. */
export function stretch({ width, height, data }: RgbImage, size: number): RgbImage {
  if (width === size && height === size) return { width, height, data };
  return resize({ width, height, data }, { width: size, height: size, filter: "bilinear" });
}

/** Writes an image as the student's pixels, `[3,S,S]` from −1 to 1, under a light. */
export function studentPixels(image: RgbImage, light: Light, to: Float32Array): void {
  const count = image.width * image.height;
  const { data } = image;
  let sum = 0;
  for (let i = 0; i < data.length; i++) sum += data[i]!;
  const mean = sum / data.length;
  const { saturation } = light, gain = light.brightness * light.contrast / 127.5;
  const shift = light.brightness * mean * (1 - light.contrast) / 127.5 - 1;
  for (let i = 0, from = 0; i < count; i++, from += 3) {
    const red = data[from]!, green = data[from + 1]!, blue = data[from + 2]!;
    const grey = (0.299 * red + 0.587 * green + 0.114 * blue) * (1 - saturation);
    to[i] = clip((grey + saturation * red) * gain + shift);
    to[count + i] = clip((grey + saturation * green) * gain + shift);
    to[2 * count + i] = clip((grey + saturation * blue) * gain + shift);
  }
}

function clip(value: number): number {
  return value < -1 ? -1 : value > 1 ? 1 : value;
}
