/**
 * Tensors of a PyTorch file: strided views of storages that several tensors may share.
 *
 * @module
 */
import { elementCount } from "../../core/graph/tensor.ts";
import type { SourceTensor } from "../../core/weights.ts";
import { type ByteSource, byteSource, sliceSource } from "../byte_source.ts";
import { elementBytes, type ElementType, readFloat32 } from "../element_types.ts";

/** A flat run of elements in the file. */
export class TorchStorage {
  /** Key in the file. */
  readonly key: string;
  /** Element type. */
  readonly dtype: ElementType;
  /** Number of elements. */
  readonly length: number;
  #source: ByteSource = byteSource(new Uint8Array());

  /** A storage that the pickle names; {@link fill} gives it its bytes. */
  constructor({ key, dtype, length }: Pick<TorchStorage, "key" | "dtype" | "length">) {
    this.key = key;
    this.dtype = dtype;
    this.length = length;
  }

  /** Bytes it must have. */
  get byteLength(): number {
    return this.length * elementBytes[this.dtype];
  }

  /** Some of its elements as a source, `count` from `offset` on. */
  elements(offset: number, count: number): ByteSource {
    const size = elementBytes[this.dtype];
    return sliceSource(this.#source, offset * size, (offset + count) * size);
  }

  /** Gives it its bytes, `byteLength` of them. */
  fill(source: ByteSource): void {
    this.#source = source;
  }
}

/** Where a tensor's elements lie in its storage, in elements. */
export interface StridedLayout {
  /** First element. */
  readonly offset: number;
  /** Extents, slowest first; empty for a single number. */
  readonly shape: readonly number[];
  /** Steps between neighbours along each dimension, none negative. */
  readonly stride: readonly number[];
}

/** A tensor of a file. Its numbers are gathered and widened only when asked for. */
export class TorchTensor implements SourceTensor {
  /** Element type in the file. */
  readonly dtype: ElementType;
  /** Extents, slowest first; empty for a single number. */
  readonly shape: readonly number[];
  readonly #storage: TorchStorage;
  readonly #layout: StridedLayout;

  /** Wraps a layout that has been checked to lie within the storage. */
  constructor(storage: TorchStorage, layout: StridedLayout) {
    this.dtype = storage.dtype;
    this.shape = layout.shape;
    this.#storage = storage;
    this.#layout = layout;
  }

  /** The elements' bytes in C order: a view of the file where it is in memory and they lie so, else a copy. */
  toBytes(): Uint8Array {
    const source = this.#inOrder();
    return source.read(0, source.length);
  }

  /** The numbers as f32: a view where memory holds them so, else a widened (f64, i32, i64: rounded) copy. */
  toFloat32(scratch?: Float32Array): Float32Array {
    return readFloat32(this.#inOrder(), this.dtype, scratch);
  }

  /** Whether another tensor is the same view of the same storage, as PyTorch saves tied weights. */
  sharesNumbers(other: SourceTensor): boolean {
    if (!(other instanceof TorchTensor) || other.#storage !== this.#storage) return false;
    const numbers = ({ offset, shape, stride }: StridedLayout) => [offset, ...shape, ...stride].join();
    return numbers(other.#layout) === numbers(this.#layout);
  }

  #inOrder(): ByteSource {
    if (elementCount(this.shape) === 0) return byteSource(new Uint8Array());
    const source = this.#storage.elements(this.#layout.offset, spanOf(this.#layout));
    if (isContiguous(this.#layout)) return source;
    return byteSource(gather(source.read(0, source.length), this.#layout, elementBytes[this.dtype]));
  }
}

/** Elements from the first to the last one, those between them included; the tensor is not empty. */
export function spanOf({ shape, stride }: Pick<StridedLayout, "shape" | "stride">): number {
  return shape.reduce((span, extent, i) => span + (extent - 1) * stride[i]!, 1);
}

function isContiguous({ shape, stride }: StridedLayout): boolean {
  let expected = 1;
  for (let i = shape.length - 1; i >= 0; i--) {
    if (shape[i] !== 1 && stride[i] !== expected) return false;
    expected *= shape[i]!;
  }
  return true;
}

/** Copies a layout's elements of `size` bytes into C order; `source` starts at its first element. */
function gather(source: Uint8Array, { shape, stride }: StridedLayout, size: number): Uint8Array {
  const target = new Uint8Array(elementCount(shape) * size);
  const index = shape.map(() => 0);
  let from = 0;
  for (let to = 0; to < target.length; to += size) {
    for (let byte = 0; byte < size; byte++) target[to + byte] = source[from * size + byte]!;
    for (let axis = shape.length - 1; axis >= 0; axis--) { // the next index, the last dimension fastest
      from += stride[axis]!;
      if (++index[axis]! < shape[axis]!) break;
      from -= stride[axis]! * shape[axis]!;
      index[axis] = 0;
    }
  }
  return target;
}
