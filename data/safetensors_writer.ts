/**
 * Writes safetensors files of any element type, tensor by tensor.
 *
 * @module
 */
import { WeightError } from "../core/errors.ts";
import { elementCount, formatShape } from "../core/graph/tensor.ts";
import { elementBytes, type ElementType } from "./element_types.ts";
import { type SafetensorsType, sizeOf } from "./safetensors_header.ts";
import { joinChunks, type SavedTensor } from "./saved_tensor.ts";

/**
 * A file in pieces. Tensors with large elements come first, so that each is aligned; otherwise the order is kept.
 * The format shares nothing: a tensor under two names is written twice.
 *
 * @throws {WeightError} naming the tensor if its bytes do not fit its shape
 */
export function* safetensorsChunks(
  tensors: ReadonlyMap<string, SavedTensor>,
  metadata: ReadonlyMap<string, string> = new Map(),
): Generator<Uint8Array> {
  const size = (dtype: ElementType) => elementBytes[dtype];
  const ordered = [...tensors].sort(([, a], [, b]) => size(b.dtype) - size(a.dtype));
  const header: Record<string, unknown> = Object.create(null);
  if (metadata.size > 0) header["__metadata__"] = Object.fromEntries(metadata);
  let end = 0;
  for (const [name, { dtype, shape }] of ordered) {
    if (name === "__metadata__") throw new WeightError(`Cannot write "${name}": the format keeps the name for itself`);
    header[name] = { dtype, shape, data_offsets: [end, end += elementCount(shape) * size(dtype)] };
  }
  const json = new TextEncoder().encode(JSON.stringify(header));
  const start = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20); // padded with spaces
  new DataView(start.buffer).setBigUint64(0, BigInt(start.length - 8), true);
  start.set(json, 8);
  yield start;
  for (const [name, tensor] of ordered) {
    const { dtype, shape } = tensor;
    const bytes = tensor.toBytes();
    if (bytes.length !== elementCount(shape) * size(dtype)) {
      throw new WeightError(`Cannot write "${name}": ${bytes.length} bytes for ${dtype} ${formatShape(shape)}`);
    }
    yield bytes;
  }
}

/** A tensor to be written: f32, f64, i32, i64 or u8, as its array's type says. */
export interface TensorToWrite {
  /** Extents, slowest first; empty for a single number. */
  readonly shape: readonly number[];
  /** Elements in C order. */
  readonly values: Float32Array | Float64Array | Int32Array | BigInt64Array | Uint8Array;
}

/**
 * Writes a file. Tensors with large elements come first, so that each is aligned; otherwise the order is kept.
 *
 * @throws {WeightError} if a tensor's values do not fit its shape
 */
export function writeSafetensors(
  tensors: ReadonlyMap<string, TensorToWrite>,
  metadata?: ReadonlyMap<string, string>,
): Uint8Array<ArrayBuffer> {
  const saved = new Map([...tensors].map(([name, { shape, values }]) => {
    const dtype = typeOf(values);
    if (sizeOf(dtype, shape) !== values.byteLength) {
      throw new WeightError(`Cannot write "${name}": ${values.length} values for ${formatShape(shape)}`);
    }
    const toBytes = () => new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
    return [name, { dtype, shape, toBytes }];
  }));
  return joinChunks(safetensorsChunks(saved, metadata));
}

function typeOf(values: TensorToWrite["values"]): SafetensorsType {
  if (values instanceof Float32Array) return "F32";
  if (values instanceof Float64Array) return "F64";
  if (values instanceof Int32Array) return "I32";
  return values instanceof BigInt64Array ? "I64" : "U8";
}
