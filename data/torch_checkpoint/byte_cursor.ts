/**
 * Reads numbers and strings off bytes, one after the other, and says where something was wrong.
 *
 * @module
 */
import { WeightError } from "../../core/errors.ts";

/** Longest string, in bytes. */
const maxText = 1 << 20;

/** A place in bytes that moves on as values are read. Reading past the end is an error, never an `undefined`. */
export class ByteCursor {
  /** Next byte to be read. */
  position: number;
  readonly #what: string;
  readonly #origin: number;
  readonly #bytes: Uint8Array;
  readonly #view: DataView;

  /** Starts at byte `start`; `what` names the bytes in messages, where they count from `origin` on. Both 0 by default. */
  constructor(
    bytes: Uint8Array,
    { what, start = 0, origin = 0 }: {
      readonly what: string;
      readonly start?: number | undefined;
      readonly origin?: number | undefined;
    },
  ) {
    this.position = start;
    this.#what = what;
    this.#origin = origin;
    this.#bytes = bytes;
    this.#view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  }

  /** Bytes not yet read. */
  get left(): number {
    return this.#bytes.length - this.position;
  }

  /** An unsigned byte. */
  uint8(): number {
    return this.#view.getUint8(this.#advance(1));
  }

  /** A little-endian u16. */
  uint16(): number {
    return this.#view.getUint16(this.#advance(2), true);
  }

  /** A little-endian u32. */
  uint32(): number {
    return this.#view.getUint32(this.#advance(4), true);
  }

  /** A little-endian i32. */
  int32(): number {
    return this.#view.getInt32(this.#advance(4), true);
  }

  /** A little-endian u64; above 2^53 rounded, which no size of a file reaches. */
  uint64(): number {
    return Number(this.#view.getBigUint64(this.#advance(8), true));
  }

  /** A big-endian f64, as pickles have it. */
  float64(): number {
    return this.#view.getFloat64(this.#advance(8));
  }

  /** The next bytes, not a copy. */
  take(count: number): Uint8Array {
    const start = this.#advance(count);
    return this.#bytes.subarray(start, start + count);
  }

  /** The next bytes, at most 1 MiB, as UTF-8. */
  text(count: number): string {
    const start = this.position;
    if (count > maxText) throw this.error(`a string of ${count} bytes is too long`, start);
    try {
      return new TextDecoder("utf-8", { fatal: true, ignoreBOM: true }).decode(this.take(count));
    } catch (cause) {
      throw cause instanceof TypeError ? this.error(`the string is not UTF-8`, start) : cause;
    }
  }

  /** The text up to a line feed, which is skipped; at most `limit` bytes. */
  line(limit: number): string {
    const end = this.#bytes.subarray(this.position, this.position + limit).indexOf(0x0a);
    if (end < 0) throw this.error(`no line ends within ${limit} bytes`, this.position);
    const text = this.text(end);
    this.position++;
    return text;
  }

  /** The error of a value that starts at a byte. */
  error(problem: string, at: number): WeightError {
    return new WeightError(`Cannot read PyTorch "${this.#what}": ${problem}, byte ${this.#origin + at}`);
  }

  #advance(count: number): number {
    if (count > this.left) {
      throw this.error(`it ends at byte ${this.#origin + this.#bytes.length}, in the middle of a value`, this.position);
    }
    const start = this.position;
    this.position += count;
    return start;
  }
}
