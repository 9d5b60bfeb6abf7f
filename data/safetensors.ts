/**
 * Reads safetensors files: a JSON header, then the tensors' bytes end to end.
 *
 * Format: https://github.com/huggingface/safetensors. Numbers are little-endian, as is every machine this runs on.
 *
 * @module
 */
import { WeightError } from "../core/errors.ts";
import type { SourceTensor } from "../core/weights.ts";
import { type ByteSource, byteSource, sliceSource } from "./byte_source.ts";
import { readFloat32, viewAs } from "./element_types.ts";
import { parseHeader, type SafetensorsEntry, type SafetensorsType } from "./safetensors_header.ts";

export type { SafetensorsType } from "./safetensors_header.ts";

/** A tensor of a file, read from it when asked for. */
export class SafetensorsTensor implements SourceTensor {
  /** Name in the file. */
  readonly name: string;
  /** Element type in the file. */
  readonly dtype: SafetensorsType;
  /** Extents, slowest first; empty for a single number. */
  readonly shape: readonly number[];
  readonly #source: ByteSource;

  /** Wraps an entry of a checked header and the bytes it names. */
  constructor(entry: SafetensorsEntry, source: ByteSource) {
    this.name = entry.name;
    this.dtype = entry.dtype;
    this.shape = entry.shape;
    this.#source = source;
  }

  /** The elements' bytes in C order, not a copy where the file is in memory. */
  get bytes(): Uint8Array {
    return this.#source.read(0, this.#source.length);
  }

  /** The numbers as f32: a view where memory holds aligned f32, else a widened (f64, i64: rounded) copy. */
  toFloat32(scratch?: Float32Array): Float32Array {
    return readFloat32(this.#source, this.dtype, scratch);
  }

  /**
   * The integers as i32: a view where the file holds aligned i32, else a copy.
   *
   * @throws {WeightError} if the type is not an integer type, or a number does not fit
   */
  toInt32(): Int32Array {
    switch (this.dtype) {
      case "I32":
        return viewAs(this.bytes, Int32Array);
      case "I64": {
        const values = viewAs(this.bytes, BigInt64Array);
        const odd = values.findIndex((value) => value !== BigInt.asIntN(32, value));
        if (odd < 0) return Int32Array.from(values, Number);
        throw new WeightError(`Cannot read "${this.name}" as i32: element ${odd} is ${values[odd]}`);
      }
      case "I8":
        return Int32Array.from(viewAs(this.bytes, Int8Array));
      case "U8":
      case "BOOL":
        return Int32Array.from(this.bytes);
      default:
        throw new WeightError(`Cannot read "${this.name}" as i32: its type is ${this.dtype}`);
    }
  }
}

/** A parsed file. */
export interface SafetensorsFile {
  /** Free text entries of the header. */
  readonly metadata: ReadonlyMap<string, string>;
  /** Tensors by name, in the order of the header. */
  readonly tensors: ReadonlyMap<string, SafetensorsTensor>;
}

/**
 * Parses a file: its header now, its tensors when they are asked for.
 *
 * @throws {WeightError} naming tensor and byte where the file breaks the format: header over 100 MB or not JSON,
 *   a name twice, unknown types, sizes that do not follow from the shape, overlaps, holes, bytes left over
 */
export function readSafetensors(file: Uint8Array | ByteSource): SafetensorsFile {
  const source = byteSource(file);
  const { metadata, entries, dataStart } = parseHeader(source);
  const tensors = new Map(entries.map((entry) => {
    const data = sliceSource(source, dataStart + entry.begin, dataStart + entry.end);
    return [entry.name, new SafetensorsTensor(entry, data)];
  }));
  return { metadata, tensors };
}
