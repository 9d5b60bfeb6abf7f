/**
 * CRC-32 as zip archives have it (IEEE 802.3, reflected), sixteen bytes a step ("slicing", Kounavis and Berry 2005).
 *
 * @module
 */
import { viewAs } from "./element_types.ts";

/** At 256·k + b: the CRC of byte b followed by k zero bytes. Made when first needed: importing the package shall be quick. */
let madeTable: Int32Array | undefined;

function makeTable(): Int32Array {
  const table = new Int32Array(16 * 256);
  for (let byte = 0; byte < 256; byte++) {
    let crc = byte;
    for (let bit = 0; bit < 8; bit++) crc = (crc & 1) === 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    table[byte] = crc;
  }
  for (let i = 256; i < table.length; i++) {
    const crc = table[i - 256]!;
    table[i] = (crc >>> 8) ^ table[crc & 0xff]!;
  }
  return table;
}

/** CRC-32 of bytes, unsigned; behind others whose CRC is `before`. */
export function crc32(bytes: Uint8Array, before = 0): number {
  const sliced = bytes.length - bytes.length % 16;
  const words = viewAs(bytes.subarray(0, sliced), Int32Array);
  const table = madeTable ??= makeTable();
  /** What four bytes with `after` bytes behind them in the step add to the CRC. */
  const word = (bytes: number, after: number) => {
    const at = after << 8;
    return table[at + 768 + (bytes & 0xff)]! ^ table[at + 512 + (bytes >>> 8 & 0xff)]! ^
      table[at + 256 + (bytes >>> 16 & 0xff)]! ^ table[at + (bytes >>> 24)]!;
  };
  let crc = ~before;
  for (let i = 0; i < words.length; i += 4) {
    crc = word(crc ^ words[i]!, 12) ^ word(words[i + 1]!, 8) ^ word(words[i + 2]!, 4) ^ word(words[i + 3]!, 0);
  }
  for (let i = sliced; i < bytes.length; i++) crc = (crc >>> 8) ^ table[(crc ^ bytes[i]!) & 0xff]!;
  return ~crc >>> 0;
}
