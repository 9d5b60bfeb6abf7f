/**
 * Unpacks deflated bytes with the runtime's own code, up to a known size: what claims to be small cannot grow.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";

/** Packings: zlib as in PNG, or without its header and checksum. */
export type DeflateFormat = "deflate" | "deflate-raw";

/** Unpacks piece by piece. @throws {ImageError} if the packed bytes are damaged or cut off */
export async function* inflatePieces(
  packed: Iterable<Uint8Array>,
  format: DeflateFormat,
): AsyncGenerator<Uint8Array, void> {
  const blob = new Blob(Array.from(packed, (part) => part as Uint8Array<ArrayBuffer>));
  const reader = blob.stream().pipeThrough(new DecompressionStream(format)).getReader();
  try {
    for (;;) {
      const { done, value } = await reader.read().catch((cause) => {
        throw new ImageError("its packed data are damaged or cut off", { cause });
      });
      if (done) return;
      yield value;
    }
  } finally {
    await reader.cancel().catch(() => {}); // what failed has been told
  }
}

/** Unpacks `size` bytes. @throws {ImageError} if the packed bytes are damaged, cut off, or unpack to fewer */
export async function inflate(
  packed: Iterable<Uint8Array>,
  { format, size }: { readonly format: DeflateFormat; readonly size: number },
): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = new Uint8Array(size);
  let filled = 0;
  for await (const piece of inflatePieces(packed, format)) {
    const wanted = piece.subarray(0, size - filled);
    bytes.set(wanted, filled);
    filled += wanted.length;
    if (filled === size) return bytes;
  }
  throw new ImageError(`its packed data are ${filled} bytes instead of ${size}`);
}
