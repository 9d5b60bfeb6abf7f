/**
 * The photos of a pack, decoded.
 *
 * @module
 */
import { loadImage, type RgbImage } from "../../../../data/image/mod.ts";
import { readPack } from "../prepare/pack.ts";

/** A pack in memory. */
export interface PhotoPack {
  /** Photos in it. */
  readonly count: number;
  /** Decodes one. */
  photo(index: number): Promise<RgbImage>;
}

/** Opens the pack `<path>.bin` with its `<path>.jsonl`, of which at most `limit` photos count. */
export async function openPack(path: string, limit: number = Infinity): Promise<PhotoPack> {
  const bytes = await Deno.readFile(`${path}.bin`);
  const places = (await readPack(path)).slice(0, limit);
  const decoded: (RgbImage | undefined)[] = []; // a photo is seen many times, and decoding it takes milliseconds
  return {
    count: places.length,
    async photo(index) {
      const { offset, length } = places[index]!;
      return decoded[index] ??= await loadImage(bytes.subarray(offset, offset + length));
    },
  };
}
