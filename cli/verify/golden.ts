/**
 * A golden case: a JSON document and the safetensors files that belong to it.
 *
 * @module
 */
import { type Check, verdictOf } from "./check.ts";
import { readSafetensors, type SafetensorsTensor } from "../../data/safetensors.ts";

/** A parsed JSON object whose form nobody has checked. */
export type Document = Readonly<Record<string, unknown>>;

/** A document of a golden case, and the files that lie beside it. */
export interface Golden {
  /** Path without `.json`, relative to the folder that is verified; a `case.json` goes by its folder. */
  readonly name: string;
  /** Name of the document's file without `.json`. */
  readonly stem: string;
  /** The document. */
  readonly document: Document;
  /** The content of a file beside the document, or below; undefined if it is not there. */
  find(file: string): Promise<Uint8Array<ArrayBuffer> | undefined>;
  /** Whether there is anything at a path of this machine's disk; absent where there is no disk. */
  readonly exists?: ((path: string) => Promise<boolean>) | undefined;
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

/** Reads a file of a case. @throws {RangeError} if it is not there */
export async function readFile(golden: Golden, file: string): Promise<Uint8Array<ArrayBuffer>> {
  const bytes = await golden.find(file);
  if (bytes === undefined) throw new RangeError(`Cannot read "${file}" of "${golden.name}": it is not there`);
  return bytes;
}

/** Reads a safetensors file of a case; undefined if it is not there. */
export async function findTensors(golden: Golden, file: string): Promise<GoldenTensors | undefined> {
  const bytes = await golden.find(file);
  return bytes && new GoldenTensors(readSafetensors(bytes).tensors);
}

/** Reads a safetensors file of a case. @throws {RangeError} if it is not there */
export async function readTensors(golden: Golden, file: string): Promise<GoldenTensors> {
  return new GoldenTensors(readSafetensors(await readFile(golden, file)).tensors);
}
