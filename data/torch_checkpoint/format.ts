/**
 * Tells PyTorch's formats by a file's first bytes, so that what reads them is only loaded for such a file.
 *
 * @module
 */

/** PyTorch's two formats: `zip` since 1.6, `legacy` before. */
export type TorchFormat = "zip" | "legacy";

/** First bytes of a legacy file: protocol 2 and the magic number, 0x1950a86a20f9469cfc6c, as a pickle. */
export const legacyMagic: readonly number[] = [
  ...[0x80, 0x02, 0x8a, 0x0a, 0x6c, 0xfc, 0x9c, 0x46, 0xf9, 0x20, 0x6a, 0xa8, 0x50, 0x19, 0x2e],
];

/** The format of a PyTorch file by its first bytes; undefined for any other file. */
export function torchFormat(file: Uint8Array): TorchFormat | undefined {
  const starts = (magic: readonly number[]) => magic.every((byte, i) => file[i] === byte);
  if (starts([0x50, 0x4b, 3, 4]) || starts([0x50, 0x4b, 5, 6])) return "zip";
  return starts(legacyMagic) ? "legacy" : undefined;
}
