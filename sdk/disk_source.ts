/**
 * Files on a disk that are read piece by piece.
 *
 * @module
 */
import type { ByteSource } from "../data/byte_source.ts";
import type { FileSystem, OpenFile } from "./file_system.ts";

/** Where files are opened, so that all of them are closed in the end. */
export class OpenFiles implements Disposable {
  readonly #system: FileSystem;
  readonly #files: OpenFile[] = [];

  /** Opens files of a disk. */
  constructor(system: FileSystem) {
    this.#system = system;
  }

  /**
   * Opens a file.
   *
   * @throws the runtime's error if it does not exist or may not be read
   */
  open(path: string | URL): ByteSource {
    const file = this.#system.open(path);
    this.#files.push(file);
    if (file.info.isDirectory) throw new TypeError("it is a folder");
    return new DiskSource(file);
  }

  /** Closes all of them; their sources can no longer be read. */
  [Symbol.dispose](): void {
    for (const file of this.#files.splice(0)) file.close();
  }
}

class DiskSource implements ByteSource {
  readonly length: number;
  readonly #file: OpenFile;

  constructor(file: OpenFile) {
    this.#file = file;
    this.length = file.info.size;
  }

  read(begin: number, end: number, into?: Uint8Array): Uint8Array {
    const bytes = into?.subarray(0, end - begin) ?? new Uint8Array(end - begin);
    for (let done = 0; done < bytes.length;) {
      const count = this.#file.read(bytes.subarray(done), begin + done);
      if (count === 0) throw new RangeError(`Cannot read bytes ${begin} to ${end}: the file has become shorter`);
      done += count;
    }
    return bytes;
  }
}
