/**
 * A golden case on disk: a JSON document and the safetensors files that belong to it.
 *
 * @module
 */
import { type Check, verdictOf } from "./check.ts";
import { readSafetensors, type SafetensorsTensor } from "../../data/safetensors.ts";

/** A parsed JSON object whose form nobody has checked. */
export type Document = Readonly<Record<string, unknown>>;

/** A document of a golden case and where it lies. */
export interface Golden {
  /** Path without `.json`, relative to the folder that is verified; a `case.json` goes by its folder. */
  readonly name: string;
  /** Folder the document lies in. */
  readonly folder: string;
  /** Path of the document. */
  readonly path: string;
  /** The document. */
  readonly document: Document;
}

/** Tensors of a file, each to be taken once, so that what nobody compares comes to light. */
export class GoldenTensors {
  /** Tensors not yet taken. */
  readonly left: ReadonlyMap<string, SafetensorsTensor>;
  readonly #left: Map<string, SafetensorsTensor>;

  /** Wraps tensors by name. */
  constructor(tensors: ReadonlyMap<string, SafetensorsTensor>) {
    this.left = this.#left = new Map(tensors);
  }

  /** Whether a tensor is there and not yet taken. */
  has(name: string): boolean {
    return this.left.has(name);
  }

  /** Takes a tensor. @throws {RangeError} if it is not there, or taken already */
  take(name: string): SafetensorsTensor {
    const tensor = this.left.get(name);
    if (tensor === undefined) {
      throw new RangeError(`Cannot take "${name}": there are ${[...this.left.keys()].join(", ")}`);
    }
    this.#left.delete(name);
    return tensor;
  }

  /** Takes the numbers of a tensor. @throws {RangeError} if it is not there, or taken already */
  floats(name: string): Float32Array {
    return this.take(name).toFloat32();
  }

  /** Takes the integers of a tensor. @throws {RangeError} if it is not there, or taken already */
  integers(name: string): Int32Array {
    return this.take(name).toInt32();
  }

  /** Takes all tensors whose name starts so. */
  drop(prefix: string): void {
    for (const name of this.left.keys()) if (name.startsWith(prefix)) this.#left.delete(name);
  }

  /** A stage that passes when every tensor was taken. */
  allCompared(stage = "expected.compared"): Check {
    const names = [...this.left.keys()];
    return verdictOf(stage, names.length === 0, names.length === 0 ? "all" : `not ${names.join(", ")}`);
  }
}

/** Reads a safetensors file of a case; undefined if it is not there. */
export async function findTensors(golden: Golden, file: string): Promise<GoldenTensors | undefined> {
  try {
    return new GoldenTensors(readSafetensors(await Deno.readFile(`${golden.folder}/${file}`)).tensors);
  } catch (error) {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  }
}

/** Reads a safetensors file of a case. @throws {Deno.errors.NotFound} if it is not there */
export async function readTensors(golden: Golden, file: string): Promise<GoldenTensors> {
  const tensors = await findTensors(golden, file);
  if (tensors === undefined) throw new Deno.errors.NotFound(`Cannot read "${golden.folder}/${file}": it is not there`);
  return tensors;
}
