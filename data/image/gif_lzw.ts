/**
 * Unpacks the pixels of a GIF frame: LZW with codes of 3 to 12 bits (GIF89a specification, appendix F).
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";

/** Most codes there can be. */
const maxCodes = 4096;

/** Packed pixels. */
export interface GifPixels {
  /** Bits of a pixel's number, 1…8. */
  readonly depth: number;
  /** Codes, the lowest bits first. */
  readonly packed: Uint8Array;
}

/** Unpacks `count` palette numbers. @throws {ImageError} if there are fewer, or a code that means nothing yet */
export function unpackLzw({ depth, packed }: GifPixels, count: number): Uint8Array {
  const pixels = new Uint8Array(count);
  const clear = 1 << depth;
  const end = clear + 1;
  // Each code means what another one means, and one pixel more.
  const prefixes = new Uint16Array(maxCodes);
  const lasts = new Uint8Array(maxCodes);
  const firsts = new Uint8Array(maxCodes);
  const lengths = new Uint16Array(maxCodes);
  for (let code = 0; code < clear; code++) [lasts[code], firsts[code], lengths[code]] = [code, code, 1];

  let [filled, bits, bitCount, at] = [0, 0, 0, 0];
  let [codes, size, previous] = [end + 1, depth + 1, -1];
  while (filled < count) {
    for (; bitCount < size; bitCount += 8) {
      if (at === packed.length) throw new ImageError(`its pixels end at ${filled} of ${count}`);
      bits |= packed[at++]! << bitCount;
    }
    const code = bits & ((1 << size) - 1);
    bits >>>= size;
    bitCount -= size;
    if (code === clear) {
      [codes, size, previous] = [end + 1, depth + 1, -1];
      continue;
    }
    if (code === end) throw new ImageError(`its pixels end at ${filled} of ${count}`);
    const known = previous < 0 ? code < clear : code <= codes;
    if (!known) throw new ImageError(`pixel ${filled} has the code ${code}, which means nothing there`);
    if (previous >= 0 && codes < maxCodes) {
      prefixes[codes] = previous;
      firsts[codes] = firsts[previous]!;
      lasts[codes] = firsts[code === codes ? previous : code]!;
      lengths[codes] = lengths[previous]! + 1;
      codes++;
      if (codes === 1 << size && size < 12) size++;
    }
    const next = filled + lengths[code]!;
    for (let to = next - 1, link = code; to >= filled; to--, link = prefixes[link]!) {
      if (to < count) pixels[to] = lasts[link]!;
    }
    [filled, previous] = [next, code];
  }
  return pixels;
}
