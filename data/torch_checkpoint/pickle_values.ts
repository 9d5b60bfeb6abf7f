/**
 * What a pickle may build: plain data, tensors, and the few names it may call.
 *
 * @module
 */
import type { WeightError } from "../../core/errors.ts";
import type { ElementType } from "../element_types.ts";
import { TorchStorage, TorchTensor } from "./tensor.ts";

/** A Python tuple. */
export class PickleTuple {
  /** Its items. */
  readonly items: readonly PickleValue[];

  /** Wraps items. */
  constructor(items: readonly PickleValue[]) {
    this.items = items;
  }
}

/** A Python list. */
export class PickleList {
  /** Its items; the pickle adds to them. */
  readonly items: PickleValue[] = [];
}

/** A Python dict or OrderedDict. */
export class PickleDict {
  /** Its entries in order, whole numbers as keys written out; the pickle adds to them. */
  readonly entries: Map<string, PickleValue> = new Map();
}

/** Makes the error of the opcode that is being run. */
export type MakeError = (problem: string) => WeightError;

/** A name of the allow-list; nothing of Python stands behind it. */
export interface PickleGlobal {
  /** The name, for instance `torch.FloatStorage`. */
  readonly global: string;
  /** Element type, if it names a class of storages. */
  readonly storage?: ElementType | undefined;
  /** What calling it builds, if it may be called. */
  readonly build?: ((args: readonly PickleValue[], error: MakeError) => PickleValue) | undefined;
}

/** Any value of a pickle. */
export type PickleValue =
  | null
  | boolean
  | number
  | bigint
  | string
  | PickleTuple
  | PickleList
  | PickleDict
  | PickleGlobal
  | TorchStorage
  | TorchTensor;

/** A value in a few words, for messages. */
export function describe(value: PickleValue): string {
  if (typeof value === "string") return `the string ${JSON.stringify(value.slice(0, 40))}`;
  if (typeof value !== "object" || value === null) return String(value).slice(0, 40);
  if (value instanceof PickleTuple) return "a tuple";
  if (value instanceof PickleList) return "a list";
  if (value instanceof PickleDict) return "a dict";
  if (value instanceof TorchTensor) return "a tensor";
  return value instanceof TorchStorage ? "a storage" : value.global;
}
