/**
 * Bytes that are read piece by piece: a file on a disk without keeping all of it, or bytes in memory as they are.
 *
 * @module
 */

/** Something that bytes can be read from at any place. */
export interface ByteSource {
  /** Bytes in all. */
  readonly length: number;
  /**
   * The bytes from `begin` up to `end`, both within the length. They may lie in `into`, which has room for them, or be
   * the source's own memory, not to be written to. Synchronous, as weights are copied to a backend without a pause.
   */
  read(begin: number, end: number, into?: Uint8Array): Uint8Array;
}

/** Bytes in memory as a source; reading copies nothing. */
export function byteSource(bytes: Uint8Array | ByteSource): ByteSource {
  if (!(bytes instanceof Uint8Array)) return bytes;
  return { length: bytes.length, read: (begin, end) => bytes.subarray(begin, end) };
}

/** A part of a source. */
export function sliceSource(source: ByteSource, begin: number, end: number): ByteSource {
  return {
    length: end - begin,
    read: (from, to, into) => source.read(begin + from, begin + to, into),
  };
}
