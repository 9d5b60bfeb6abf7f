/**
 * Tensors on their way into a file: of which type, and their bytes only when it is their turn to be written.
 *
 * @module
 */
import { WeightError } from "../core/errors.ts";
import { elementCount, formatShape } from "../core/graph/tensor.ts";
import type { SourceTensor } from "../core/weights.ts";
import type { ElementType, TensorType } from "./element_types.ts";
import { narrowBfloat16, narrowFloat16 } from "./narrow_floats.ts";
import { splitQuantised } from "./quantise.ts";
import { isQuantisable } from "./quantised_tensors.ts";

/** A tensor to be written. One object under two names is one tensor with two names. */
export interface SavedTensor {
  /** Element type in the file. */
  readonly dtype: ElementType;
  /** Extents, slowest first; empty for a single number. */
  readonly shape: readonly number[];
  /**
   * The elements' bytes in C order, little-endian, made anew by every call.
   *
   * @throws {WeightError} if its numbers cannot be written in this type
   */
  toBytes(): Uint8Array;
}

/** Type of the numbers in a file: half, single, bfloat16, or matrices in blocks of 8 bits and the rest in halves. */
export type Precision = "f16" | "f32" | "bf16" | "q8";

/** Every {@link Precision}. */
export const precisions: readonly Precision[] = ["f16", "f32", "bf16", "q8"];

/** Those of them that round each number by itself. */
export const floatPrecisions: readonly Precision[] = ["f16", "f32", "bf16"];

/** A tensor that may tell the type it has where it comes from. */
export interface TypedTensor extends SourceTensor {
  /** Element type there. Default a floating-point type. */
  readonly dtype?: TensorType | undefined;
}

/** Options of {@link castTensors}. */
export interface CastOptions {
  /** Type that floating-point tensors get. Tensors of whole numbers keep theirs. */
  readonly precision: Precision;
  /** Whether numbers too large for the type may become infinite. Default false. */
  readonly allowOverflow?: boolean | undefined;
}

const types = { f16: "F16", f32: "F32", bf16: "BF16", q8: "F16" } as const;

const integers = {
  I64: BigInt64Array,
  I32: Int32Array,
  I16: Int16Array,
  I8: Int8Array,
  U8: Uint8Array,
  BOOL: Uint8Array,
};

/**
 * Gives tensors the type that they are to be written in. One tensor under two names stays one; with `q8` a matrix
 * becomes two tensors.
 */
export function castTensors(tensors: ReadonlyMap<string, TypedTensor>, options: CastOptions): Map<string, SavedTensor> {
  const cast = new Map<TypedTensor, SavedTensor>();
  return new Map([...tensors].flatMap(([name, tensor]) => {
    const { shape, dtype } = tensor;
    const whole = dtype !== undefined && dtype in integers;
    if (options.precision === "q8" && !whole && isQuantisable(shape)) {
      return splitQuantised(name, { shape, values: () => finite(name, tensor.toFloat32()) });
    }
    const saved = cast.get(tensor) ?? castTensor(name, tensor, options);
    cast.set(tensor, saved);
    return [[name, saved]];
  }));
}

/** @throws {WeightError} naming the first number that blocks cannot hold */
function finite(name: string, values: Float32Array): Float32Array {
  const place = values.findIndex((value) => !(Math.abs(value) <= 127 * 65504));
  if (place < 0) return values;
  throw new WeightError(`Cannot write "${name}" as q8: element ${place} is ${values[place]}`);
}

function castTensor(name: string, tensor: TypedTensor, { precision, allowOverflow }: CastOptions): SavedTensor {
  const { shape, dtype } = tensor;
  const values = () => {
    const values = tensor.toFloat32();
    if (values.length === elementCount(shape)) return values;
    throw new WeightError(`Cannot write "${name}": ${values.length} values for ${formatShape(shape)}`);
  };
  if (dtype !== undefined && dtype in integers) {
    const type = dtype as keyof typeof integers;
    return { dtype: type, shape, toBytes: () => wholeNumbers(name, values(), type) };
  }
  return {
    dtype: types[precision],
    shape,
    toBytes: () => {
      const wide = values();
      const narrow = narrowed(wide, types[precision]);
      if (narrow instanceof Uint16Array && allowOverflow !== true) refuseOverflow(name, { wide, narrow, precision });
      return new Uint8Array(narrow.buffer, narrow.byteOffset, narrow.byteLength);
    },
  };
}

function narrowed(values: Float32Array, type: (typeof types)[Precision]): Float32Array | Uint16Array {
  if (type === "F32") return values;
  return type === "F16" ? narrowFloat16(values) : narrowBfloat16(values);
}

/** Throws if a finite number has become infinite. */
function refuseOverflow(
  name: string,
  { wide, narrow, precision }: {
    readonly wide: Float32Array;
    readonly narrow: Uint16Array;
    readonly precision: Precision;
  },
): void {
  const infinite = types[precision] === "F16" ? 0x7c00 : 0x7f80;
  const place = narrow.findIndex((half, i) => (half & 0x7fff) === infinite && Number.isFinite(wide[i]));
  if (place < 0) return;
  throw new WeightError(
    `Cannot write "${name}" as ${precision}: element ${place} is ${wide[place]}, which is too large`,
  );
}

function wholeNumbers(name: string, values: Float32Array, dtype: keyof typeof integers): Uint8Array {
  const place = values.findIndex((value) => !Number.isInteger(value) || Math.abs(value) >= 2 ** 24);
  if (place >= 0) {
    throw new WeightError(`Cannot write "${name}" as ${dtype}: element ${place}, ${values[place]}, may not be exact`);
  }
  const array = dtype === "I64" ? BigInt64Array.from(values, BigInt) : integers[dtype].from(values);
  return new Uint8Array(array.buffer);
}

/** One array of all chunks. */
export function joinChunks(chunks: Iterable<Uint8Array>): Uint8Array<ArrayBuffer> {
  const all = [...chunks];
  const joined = new Uint8Array(all.reduce((sum, { length }) => sum + length, 0));
  let offset = 0;
  for (const chunk of all) {
    joined.set(chunk, offset);
    offset += chunk.length;
  }
  return joined;
}
