/**
 * Checks that every backend makes before it touches memory.
 *
 * @module
 */
import type { Backend, HostData, Storage, Storages } from "./backend.ts";
import { ShapeError } from "./errors.ts";
import type { Plan } from "./graph/plan.ts";
import { elementCount, formatShape, sameShape, type StorageSpec, type Tensor } from "./graph/tensor.ts";

/**
 * The storages a plan needs.
 *
 * @throws {ShapeError} naming every storage that is missing, of another backend, or does not fit
 */
export function checkStorages<Own extends Storage>(
  plan: Plan,
  storages: Storages,
  isOwn: (storage: Storage) => storage is Own,
): Map<string, Own> {
  const own = new Map<string, Own>();
  const problems: string[] = [];
  for (const [name, spec] of plan.storages) {
    const storage = storages.get(name);
    if (storage === undefined) problems.push(`"${name}" ${describe(spec)} is missing`);
    else if (!isOwn(storage)) problems.push(`"${name}" belongs to another backend`);
    else if (!fits(storage.spec, spec)) {
      problems.push(`"${name}" is ${describe(storage.spec)}, expected ${describe(spec)}`);
    } else own.set(name, storage);
  }
  if (problems.length > 0) throw new ShapeError(`Cannot load "plan": ${problems.join("; ")}`);
  return own;
}

/**
 * Checks that a backend has what the products of a plan compute in.
 *
 * @throws {TypeError} if it has no f16 and they are in it
 */
export function checkProducts(
  { products }: Plan,
  { name, capabilities }: Pick<Backend, "name" | "capabilities">,
): void {
  if (products === "f32" || capabilities.f16) return;
  throw new TypeError(`Cannot load "plan": its products are in ${products}, and backend "${name}" has none here`);
}

/**
 * Checks numbers that are about to be written into a tensor from element `offset` on; a matrix takes only all of
 * its numbers, as does an input.
 *
 * @throws {TypeError} if the numbers have another type
 * @throws {RangeError} if they do not fit
 */
export function checkWrite(spec: StorageSpec, data: HostData, { offset, whole }: WriteRange): void {
  const { name, dtype, layout, shape } = spec;
  const wanted = dtype === "i32" ? Int32Array : Float32Array;
  if (!(data instanceof wanted)) {
    throw new TypeError(
      `Cannot write "${name}": it holds ${dtype} and the data is a ${(data as HostData).constructor.name}`,
    );
  }
  const count = elementCount(shape);
  const exact = whole || layout === "matrix";
  const fine = exact ? offset === 0 && data.length === count : offset >= 0 && offset + data.length <= count;
  if (!fine) {
    throw new RangeError(
      `Cannot write "${name}": ${data.length} numbers from ${offset} on do not fit ${formatShape(shape)}${
        exact ? ", which is written as a whole" : ""
      }`,
    );
  }
}

/** Where numbers go. */
export interface WriteRange {
  /** First element. */
  readonly offset: number;
  /** Whether all elements must be given. */
  readonly whole: boolean;
}

/**
 * The input or output of a program by name.
 *
 * @throws {RangeError} listing the names there are
 */
export function findTensor<Named>(tensors: ReadonlyMap<string, Named>, name: string, what: "input" | "output"): Named {
  const tensor = tensors.get(name);
  if (tensor !== undefined) return tensor;
  const names = [...tensors.keys()].join(", ") || "none";
  throw new RangeError(`Cannot find ${what} "${name}": the ${what}s are ${names}`);
}

/** Whether a storage serves; a weight's numbers may be held in halves. */
function fits(a: StorageSpec, b: Tensor): boolean {
  const halved = a.dtype === "f16" && b.dtype === "f32" && b.layout === "matrix" && b.role === "parameter";
  return (a.dtype === b.dtype || halved) && a.layout === b.layout && sameShape(a.shape, b.shape);
}

function describe({ dtype, layout, shape }: StorageSpec): string {
  return `${dtype} ${layout} ${formatShape(shape)}`;
}
