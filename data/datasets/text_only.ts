/**
 * Upstream's stand-in for an image in rows without one.
 *
 * @module
 */
import { loadImage } from "../image/load.ts";

/** Most pixels on an edge of the stand-in. */
const edge = 8;

/** Most bytes of one; any codec writes a black 8 × 8 image in fewer. */
const maxBytes = 8192;

/**
 * Whether an image file is what upstream puts beside rows that are only text: black, 8 × 8 pixels or fewer.
 *
 * @throws the signal's reason
 */
export async function isPlaceholderImage(
  file: Uint8Array,
  { signal }: { readonly signal?: AbortSignal | undefined } = {},
): Promise<boolean> {
  if (file.length > maxBytes) return false;
  try {
    const { data } = await loadImage(file, { maxPixels: edge * edge, signal });
    return data.every((value) => value === 0);
  } catch (error) {
    if (signal?.aborted) throw error;
    return false;
  }
}
