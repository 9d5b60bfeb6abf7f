/**
 * Storages of the reference backend: typed arrays in C order, matrices too.
 *
 * @module
 */
import type { HostData, Storage } from "../../core/backend.ts";
import { type DType, elementCount, type StorageSpec } from "../../core/graph/tensor.ts";

/** Persistent memory: one typed array, none once freed. */
export class ReferenceStorage implements Storage {
  /** Name, type, shape and layout it was allocated for. */
  readonly spec: StorageSpec;
  #data: HostData | undefined;

  /** Allocates zeros. */
  constructor(spec: StorageSpec) {
    this.spec = spec;
    this.#data = hostArray(spec);
  }

  /**
   * The elements.
   *
   * @throws {Error} once freed
   */
  get data(): HostData {
    if (this.#data === undefined) throw new Error(`Cannot use storage "${this.spec.name}": it was freed`);
    return this.#data;
  }

  /** Lets go of the memory. */
  free(): void {
    this.#data = undefined;
  }
}

/**
 * A typed array for a tensor: new zeros, or a part of `arena` from byte `offset` on.
 *
 * @throws {TypeError} if the type is not f32 or i32
 */
export function hostArray(
  spec: StorageSpec,
  place: { readonly arena?: ArrayBuffer; readonly offset?: number } = {},
): HostData {
  const count = elementCount(spec.shape);
  const { arena = new ArrayBuffer(count * 4), offset = 0 } = place;
  return new (arrayType(spec))(arena, offset, count);
}

function arrayType({ name, dtype }: { name: string; dtype: DType }): Float32ArrayConstructor | Int32ArrayConstructor {
  if (dtype === "f32") return Float32Array;
  if (dtype === "i32") return Int32Array;
  throw new TypeError(`Cannot hold "${name}": the reference backend stores f32 and i32, not ${dtype}`);
}
