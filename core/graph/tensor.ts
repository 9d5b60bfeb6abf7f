/**
 * Tensors of a graph: a shape, a type, and whose memory it is. They hold no numbers.
 *
 * @module
 */

/**
 * Element types. `q8` and `q4` are storage formats of weights: blocks of 32 along the input dimension that
 * share one f16 scale.
 */
export type DType = "f32" | "f16" | "i32" | "q8" | "q4";

/**
 * Who owns a tensor's memory.
 *
 * - `input`: the program; written by the caller before a run
 * - `parameter`: a persistent storage shared by programs; read from a checkpoint, may be trained
 * - `constant`: a persistent storage whose values the graph itself carries
 * - `state`: a persistent storage that runs change (KV cache, position, generator)
 * - `temporary`: the program's arena
 */
export type TensorRole = "input" | "parameter" | "constant" | "state" | "temporary";

/**
 * How the elements lie in memory. `rows` is C order. A `matrix` is a linear layer's weight `[out, …in]`
 * whose order in memory is the backend's own (packed once when written), so only kernels that take a
 * weight may read it.
 */
export type Layout = "rows" | "matrix";

/** A shaped, typed value of a graph. */
export interface Tensor {
  /** Position in the graph, unique there. */
  readonly id: number;
  /** Name of a named tensor, or `kernel.operand` of the call that made it. */
  readonly name: string;
  /** Element type. */
  readonly dtype: DType;
  /** Extents, slowest first; every one at least 1. */
  readonly shape: readonly number[];
  /** Who owns the memory. */
  readonly role: TensorRole;
  /** Order of the elements in memory. */
  readonly layout: Layout;
  /** The tensor whose memory this one reshapes; itself when it has its own. */
  readonly base: Tensor;
}

/** What a backend must know to hold a tensor outside a program. */
export type StorageSpec = Pick<Tensor, "name" | "dtype" | "shape" | "layout">;

/** Number of elements of a shape. */
export function elementCount(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/**
 * Bytes a tensor takes in C order; q8 and q4 count their scales.
 *
 * @throws {RangeError} if the input dimension of a quantised tensor is not a multiple of 32
 */
export function byteLength(spec: Pick<StorageSpec, "dtype" | "shape">): number {
  const count = elementCount(spec.shape);
  switch (spec.dtype) {
    case "f32":
    case "i32":
      return count * 4;
    case "f16":
      return count * 2;
    default: {
      const blocks = count / 32;
      if (!Number.isInteger(blocks)) {
        throw new RangeError(`Cannot quantise ${formatShape(spec.shape)}: its size is not a multiple of 32`);
      }
      return blocks * (2 + (spec.dtype === "q8" ? 32 : 16));
    }
  }
}

/** `[2, 3]` for messages and dumps. */
export function formatShape(shape: readonly number[]): string {
  return `[${shape.join(", ")}]`;
}

/** Whether two shapes are equal, extent by extent. */
export function sameShape(a: readonly number[], b: readonly number[]): boolean {
  return a.length === b.length && a.every((extent, i) => extent === b[i]);
}
