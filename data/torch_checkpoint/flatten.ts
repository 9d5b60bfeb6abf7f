/**
 * Nested dicts and lists of a checkpoint as one list of names.
 *
 * @module
 */
import { WeightError } from "../../core/errors.ts";
import { describe, PickleDict, PickleList, PickleTuple, type PickleValue } from "./pickle_values.ts";
import { TorchTensor } from "./tensor.ts";

/** What a checkpoint holds beside tensors: numbers, texts, switches, and `null` for None. */
export type CheckpointValue = string | number | bigint | boolean | null;

/** The leaves of a checkpoint by name: keys and list positions on the way to them, joined by `/`. */
export interface FlatCheckpoint {
  /** Tensors, in the order of the file. */
  readonly tensors: ReadonlyMap<string, TorchTensor>;
  /** Everything else, in the order of the file. Empty dicts and lists leave no trace. */
  readonly values: ReadonlyMap<string, CheckpointValue>;
}

// A pickle may hold one list in many places, itself included: what is small in the file can be endless as names.
const limits = { depth: 32, name: 512, leaves: 200_000 };

/** Names all leaves. @throws {WeightError} naming a leaf that is neither tensor nor plain value, or a limit */
export function flatten(root: PickleValue): FlatCheckpoint {
  if (!(root instanceof PickleDict)) throw fail("contents", `it holds ${describe(root)} instead of a dict of tensors`);
  const tensors = new Map<string, TorchTensor>();
  const values = new Map<string, CheckpointValue>();
  let visits = 0;
  const visit = (value: PickleValue, name: string, depth: number): void => {
    if (name.length > limits.name) throw fail(name, `the name has ${name.length} characters`);
    if (depth > limits.depth) throw fail(name, `it lies more than ${limits.depth} dicts deep`);
    if (++visits > limits.leaves) throw fail(name, `there are more than ${limits.leaves} values`);
    const inside = children(value);
    for (const [key, inner] of inside ?? []) visit(inner, depth === 0 ? `${key}` : `${name}/${key}`, depth + 1);
    if (inside !== undefined) return;
    if (tensors.has(name) || values.has(name)) throw fail(name, "two values have the name");
    if (value instanceof TorchTensor) tensors.set(name, value);
    else if (typeof value !== "object" || value === null) values.set(name, value);
    else throw fail(name, `it is ${describe(value)}, neither a tensor nor a plain value`);
  };
  visit(root, "", 0);
  return { tensors, values };
}

/** Keys and items of a container; undefined for a leaf. */
function children(value: PickleValue): Iterable<readonly [string | number, PickleValue]> | undefined {
  if (value instanceof PickleDict) return value.entries;
  if (value instanceof PickleList || value instanceof PickleTuple) return value.items.entries();
  return undefined;
}

function fail(name: string, problem: string): WeightError {
  return new WeightError(`Cannot read PyTorch ${JSON.stringify(name.slice(0, 100))}: ${problem}`);
}
