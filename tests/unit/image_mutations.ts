/**
 * Damages image files at random places, always the same for a seed.
 *
 * @module
 */
import { drawIntegers } from "../../cli/verify/number_generator.ts";
import { crc32 } from "../../data/crc32.ts";

/** A copy of a file with one kind of damage, told by the seed. */
export function mutate(file: Uint8Array, seed: number): Uint8Array {
  const numbers = drawIntegers({ seed, count: 24 }, { low: 0, high: 2 ** 30 });
  const [kind, at, length, value] = [numbers[0]! % 6, numbers[1]!, numbers[2]!, numbers[3]!];
  const copy = file.slice();
  const start = at % file.length;
  switch (kind) {
    case 0: // cut off
      return copy.subarray(0, start);
    case 1: // a part left out
      return joined(copy.subarray(0, start), copy.subarray(start + 1 + length % 16));
    case 2: // a part twice
      return joined(copy.subarray(0, start + length % 64), copy.subarray(start));
    case 3: // all bits set
      return copy.fill(0xff, start, start + 1 + length % 4);
    case 4: // a bit of the header
      copy[start % 64]! ^= 1 << value % 8;
      return copy;
    default: // some bytes anywhere
      for (let i = 0; i <= length % 8; i++) copy[numbers[4 + i]! % file.length] = numbers[14 + i]!;
      return copy;
  }
}

function joined(...parts: readonly Uint8Array[]): Uint8Array {
  const whole = new Uint8Array(parts.reduce((sum, part) => sum + part.length, 0));
  let end = 0;
  for (const part of parts) {
    whole.set(part, end);
    end += part.length;
  }
  return whole;
}

/** Makes the checksums of a PNG's chunks right, as far as there are chunks, so that decoders get to see the damage. */
export function repairChecksums(png: Uint8Array): Uint8Array {
  const view = new DataView(png.buffer, png.byteOffset, png.byteLength);
  for (let at = 8; at + 12 <= png.length;) {
    const end = at + 8 + view.getUint32(at);
    if (end + 4 > png.length) break;
    view.setUint32(end, crc32(png.subarray(at + 4, end)));
    at = end + 4;
  }
  return png;
}
