/**
 * A file on a disk that is read piece by piece.
 *
 * @module
 */
import { closeSync, fstatSync, openSync, readSync } from "node:fs";
import type { ByteSource } from "../data/byte_source.ts";

/** Where files are opened, so that all of them are closed in the end. */
export class OpenFiles implements Disposable {
  readonly #handles: number[] = [];

  /**
   * Opens a file.
   *
   * @throws the runtime's error if it does not exist or may not be read
   */
  open(path: string | URL): ByteSource {
    const handle = openSync(path, "r");
    this.#handles.push(handle);
    const stat = fstatSync(handle);
    if (stat.isDirectory()) throw new TypeError("it is a folder");
    return new DiskSource(handle, stat.size);
  }

  /** Closes all of them; their sources can no longer be read. */
  [Symbol.dispose](): void {
    for (const handle of this.#handles.splice(0)) closeSync(handle);
  }
}

class DiskSource implements ByteSource {
  readonly length: number;
  readonly #handle: number;

  constructor(handle: number, length: number) {
    this.#handle = handle;
    this.length = length;
  }

  read(begin: number, end: number, into?: Uint8Array): Uint8Array {
    const bytes = into?.subarray(0, end - begin) ?? new Uint8Array(end - begin);
    for (let done = 0; done < bytes.length;) {
      const count = readSync(this.#handle, bytes, done, bytes.length - done, begin + done);
      if (count === 0) throw new RangeError(`Cannot read bytes ${begin} to ${end}: the file has become shorter`);
      done += count;
    }
    return bytes;
  }
}
