/**
 * Element types of checkpoints, named as safetensors names them, and how they become f32.
 *
 * @module
 */
import type { ByteSource } from "./byte_source.ts";
import { widenBfloat16, widenFloat16 } from "./half_precision.ts";

/** Element type of a tensor in a checkpoint. */
export type ElementType = "F64" | "I64" | "F32" | "I32" | "F16" | "BF16" | "I16" | "I8" | "U8" | "BOOL";

/** Element type of a tensor once it is opened: `Q8` is two tensors in the file, see `quantised_tensors.ts`. */
export type TensorType = ElementType | "Q8";

/** Bytes of one element by type. */
export const elementBytes: Readonly<Record<ElementType, number>> = {
  F64: 8,
  I64: 8,
  F32: 4,
  I32: 4,
  F16: 2,
  BF16: 2,
  I16: 2,
  I8: 1,
  U8: 1,
  BOOL: 1,
};

/** A kind of array over a buffer. */
export interface ArrayType<T> {
  /** Bytes of one element. */
  readonly BYTES_PER_ELEMENT: number;
  /** Makes an array that views a buffer. */
  new (buffer: ArrayBufferLike, byteOffset: number, length: number): T;
}

/** Bytes as another type's elements: a view where they are aligned for it, else a copy. */
export function viewAs<T>(bytes: Uint8Array, type: ArrayType<T>): T {
  const aligned = bytes.byteOffset % type.BYTES_PER_ELEMENT === 0 ? bytes : bytes.slice();
  return new type(aligned.buffer, aligned.byteOffset, aligned.byteLength / type.BYTES_PER_ELEMENT);
}

/**
 * Elements as f32: a view where the bytes hold aligned f32, else a widened (f64, i32, i64: rounded) copy. Halves and I8
 * are widened into `scratch` where it is given and has room, and else into memory of their own.
 */
export function widenElements(bytes: Uint8Array, type: ElementType, scratch?: Float32Array): Float32Array {
  const room = (count: number) =>
    scratch !== undefined && scratch.length >= count ? scratch.subarray(0, count) : undefined;
  const half = () => room(bytes.length / 2);
  switch (type) {
    case "F32":
      return viewAs(bytes, Float32Array);
    case "F16":
      return widenFloat16(viewAs(bytes, Uint16Array), half());
    case "BF16":
      return widenBfloat16(viewAs(bytes, Uint16Array), half());
    case "F64":
      return Float32Array.from(viewAs(bytes, Float64Array));
    case "I64":
      return Float32Array.from(viewAs(bytes, BigInt64Array), Number);
    case "I32":
      return Float32Array.from(viewAs(bytes, Int32Array));
    case "I16":
      return Float32Array.from(viewAs(bytes, Int16Array));
    case "I8":
      return widenInt8(viewAs(bytes, Int8Array), room(bytes.length));
    case "U8":
    case "BOOL":
      return Float32Array.from(bytes);
  }
}

function widenInt8(bytes: Int8Array, values: Float32Array = new Float32Array(bytes.length)): Float32Array {
  values.set(bytes);
  return values;
}

/**
 * All of a source's elements as f32. Those that have to be read from elsewhere or widened go to `scratch` where it is
 * given and has room for them.
 */
export function readFloat32(source: ByteSource, type: ElementType, scratch?: Float32Array): Float32Array {
  const size = elementBytes[type];
  const bytes = source.length / size * 4;
  const into = scratch !== undefined && size <= 4 && scratch.byteLength >= bytes
    // At the end of the room that they are widened into: each is read before its place is written to.
    ? new Uint8Array(scratch.buffer, scratch.byteOffset + bytes - source.length, source.length)
    : undefined;
  return widenElements(source.read(0, source.length, into), type, scratch);
}
