/**
 * Reads numbers off the bytes of an image file, never past the end.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";

/** A place in bytes that moves on as values are read. */
export class ByteReader {
  /** Next byte to be read. */
  position = 0;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;
  readonly #littleEndian: boolean;

  /** Starts at the first byte; numbers are big-endian unless said otherwise. */
  constructor(bytes: Uint8Array, options: { readonly littleEndian?: boolean | undefined } = {}) {
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#littleEndian = options.littleEndian ?? false;
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.position;
  }

  /** An unsigned byte. */
  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  /** A 16-bit unsigned number. */
  uint16(): number {
    return this.#view.getUint16(this.#advance(2), this.#littleEndian);
  }

  /** A 24-bit unsigned number, little-endian. */
  uint24(): number {
    return this.uint8() | this.uint8() << 8 | this.uint8() << 16;
  }

  /** A 32-bit unsigned number. */
  uint32(): number {
    return this.#view.getUint32(this.#advance(4), this.#littleEndian);
  }

  /** The next bytes, not a copy. */
  take(count: number): Uint8Array {
    const start = this.#advance(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** The next bytes as Latin-1 text. */
  text(count: number): string {
    return String.fromCharCode(...this.take(count));
  }

  /** Leaves bytes out. */
  skip(count: number): void {
    this.#advance(count);
  }

  #advance(count: number): number {
    if (count > this.left) throw new ImageError(`the file is cut off at byte ${this.#bytes.length}`);
    const start = this.position;
    this.position += count;
    return start;
  }
}
