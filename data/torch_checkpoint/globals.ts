/**
 * The allow-list: every name a checkpoint's pickle may refer to, and what calling it builds here.
 *
 * @module
 */
import { elementCount, formatShape } from "../../core/graph/tensor.ts";
import type { ElementType } from "../element_types.ts";
import {
  describe,
  type MakeError,
  PickleDict,
  type PickleGlobal,
  PickleTuple,
  type PickleValue,
} from "./pickle_values.ts";
import { spanOf, TorchStorage, TorchTensor } from "./tensor.ts";

const storages: Readonly<Record<ElementType, string>> = {
  F64: "Double",
  F32: "Float",
  F16: "Half",
  BF16: "BFloat16",
  I64: "Long",
  I32: "Int",
  I16: "Short",
  I8: "Char",
  U8: "Byte",
  BOOL: "Bool",
};

const callable: readonly (readonly [module: string, name: string, build: PickleGlobal["build"]])[] = [
  ["collections", "OrderedDict", buildOrderedDict],
  ["torch._utils", "_rebuild_tensor_v2", rebuildTensor],
  ["torch._utils", "_rebuild_parameter", rebuildParameter],
];

const globals: ReadonlyMap<string, PickleGlobal> = new Map<string, PickleGlobal>([
  ...callable.map(([module, name, build]) => [`${module} ${name}`, { global: `${module}.${name}`, build }] as const),
  ...Object.entries(storages).map(([dtype, name]) => {
    return [`torch ${name}Storage`, { global: `torch.${name}Storage`, storage: dtype as ElementType }] as const;
  }),
]);

/** The entry of a name, or undefined if it is not on the list. */
export function findGlobal(module: string, name: string): PickleGlobal | undefined {
  return globals.get(`${module} ${name}`);
}

/** Most dimensions PyTorch has. */
const maxDimensions = 64;

/** Elements a tensor may have beyond those of its storage, by steps of zero. */
const maxRepeated = 1 << 20;

/** `OrderedDict()`; its entries follow as opcodes. */
function buildOrderedDict(args: readonly PickleValue[], error: MakeError): PickleDict {
  if (args.length > 0) throw error("an OrderedDict takes no arguments");
  return new PickleDict();
}

/** Adds an entry to a dict. Keys are strings and whole numbers, the latter written out. */
export function addEntry(dict: PickleDict, [key, value]: readonly [PickleValue, PickleValue], error: MakeError): void {
  const fine = typeof key === "string" || typeof key === "bigint" || Number.isSafeInteger(key);
  if (!fine) throw error(`${describe(key)} is a key, only strings and whole numbers are read`);
  const name = String(key);
  if (dict.entries.has(name)) throw error(`the key ${JSON.stringify(name.slice(0, 100))} is there twice`);
  dict.entries.set(name, value);
}

/** `_rebuild_tensor_v2(storage, offset, size, stride, requires_grad, backward_hooks, metadata)`. */
function rebuildTensor(args: readonly PickleValue[], error: MakeError): TorchTensor {
  const [storage, offset, size, stride, , hooks, metadata, ...others] = args;
  if (!(storage instanceof TorchStorage)) throw error("a tensor is not made of a storage");
  if (!isEmpty(hooks) || !isEmpty(metadata) || others.length > 0) throw error("a tensor has hooks or metadata");
  const layout = { offset: readSize(offset, error), shape: readSizes(size, error), stride: readSizes(stride, error) };
  const { shape } = layout;
  if (shape.length !== layout.stride.length || shape.length > maxDimensions) {
    throw error(`a tensor has ${shape.length} extents and ${layout.stride.length} strides`);
  }
  const view = `${show(shape)} with strides ${show(layout.stride)} from element ${layout.offset} on`;
  const place = `storage "${storage.key.slice(0, 100)}" of ${storage.length} elements`;
  const volume = elementCount(shape.filter((extent) => extent > 0)); // a zero must not hide an overflow
  const end = shape.includes(0) ? 0 : layout.offset + spanOf(layout);
  if (end > storage.length) throw error(`the tensor ${view} ends at element ${end}, outside ${place}`);
  if (volume > storage.length + maxRepeated) throw error(`the tensor ${view} is too large for ${place}`);
  return new TorchTensor(storage, layout);
}

function show(sizes: readonly number[]): string {
  return sizes.length > 8 ? `${formatShape(sizes.slice(0, 8))} and ${sizes.length - 8} more` : formatShape(sizes);
}

/** `_rebuild_parameter(data, requires_grad, backward_hooks)`. */
function rebuildParameter([data, , hooks, ...others]: readonly PickleValue[], error: MakeError): TorchTensor {
  if (!(data instanceof TorchTensor)) throw error("a parameter is not made of a tensor");
  if (!isEmpty(hooks) || others.length > 0) throw error("a parameter has hooks");
  return data;
}

function isEmpty(value: PickleValue | undefined): boolean {
  return value === undefined || value === null || (value instanceof PickleDict && value.entries.size === 0);
}

/** A count, an offset or a step. */
export function readSize(value: PickleValue | undefined, error: MakeError): number {
  if (typeof value === "number" && Number.isSafeInteger(value) && value >= 0) return value;
  throw error(`${value === undefined ? "nothing" : describe(value)} is not a size`);
}

/** The tuple's own array: a pickle may use one tuple for any number of tensors. */
function readSizes(value: PickleValue | undefined, error: MakeError): readonly number[] {
  if (!(value instanceof PickleTuple)) {
    throw error(`${value === undefined ? "nothing" : describe(value)} is not a tuple`);
  }
  for (const item of value.items) readSize(item, error);
  return value.items as readonly number[];
}
