/**
 * A file of which any part can be read: all that a data set needs of a disk, a browser's `File` or a server.
 *
 * @module
 */

/** A file that is read in parts. */
export interface RandomAccess {
  /** Bytes. */
  readonly size: number;
  /** Reads the bytes from `start` to before `end`, both within the file. */
  read(start: number, end: number): Promise<Uint8Array<ArrayBuffer>>;
}

/** Bytes in memory as a file. */
export function bytesAccess(bytes: Uint8Array): RandomAccess {
  return { size: bytes.length, read: (start, end) => Promise.resolve(new Uint8Array(bytes.slice(start, end))) };
}

/** A browser's `File` or any other `Blob` as a file. */
export function blobAccess(blob: Blob): RandomAccess {
  return { size: blob.size, read: async (start, end) => new Uint8Array(await blob.slice(start, end).arrayBuffer()) };
}

/**
 * Reads a part of a file.
 *
 * @throws {RangeError} if it is not within the file, or the file has become shorter
 */
export async function readPart(
  file: RandomAccess,
  { start, end }: { readonly start: number; readonly end: number },
): Promise<Uint8Array<ArrayBuffer>> {
  if (!(start >= 0 && start <= end && end <= file.size)) {
    throw new RangeError(`bytes ${start} to ${end} are not within its ${file.size}`);
  }
  const bytes = await file.read(start, end);
  if (bytes.length !== end - start) {
    throw new RangeError(`of its bytes ${start} to ${end} only ${bytes.length} are there`);
  }
  return bytes;
}
