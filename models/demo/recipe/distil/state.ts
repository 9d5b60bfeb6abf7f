/**
 * What a run has reached, in one file that is written whole or not at all.
 *
 * @module
 */
import { readSafetensors } from "../../../../data/safetensors.ts";
import { writeSafetensors } from "../../../../data/safetensors_writer.ts";

/** A run between two steps. */
export interface DistilState {
  /** Steps done. */
  readonly step: number;
  /** All numbers by what they are: weights, their average, first and second moments, the teacher's scale. */
  readonly numbers: ReadonlyMap<string, Float32Array>;
  /** The options it was made with, as JSON. */
  readonly options: string;
}

/** Writes a state beside its place and moves it there. */
export async function writeState(path: string, { step, numbers, options }: DistilState): Promise<void> {
  const tensors = new Map([...numbers].map(([name, values]) => [name, { shape: [values.length], values }]));
  const bytes = writeSafetensors(tensors, new Map([["step", String(step)], ["options", options]]));
  await Deno.writeFile(`${path}.tmp`, bytes);
  await Deno.rename(`${path}.tmp`, path);
}

/** Reads a state; undefined if there is none. */
export async function readState(path: string): Promise<DistilState | undefined> {
  const bytes = await Deno.readFile(path).catch((error) => {
    if (error instanceof Deno.errors.NotFound) return undefined;
    throw error;
  });
  if (bytes === undefined) return undefined;
  const { metadata, tensors } = readSafetensors(bytes);
  const numbers = new Map([...tensors].map(([name, tensor]) => [name, tensor.toFloat32().slice()]));
  return { step: Number(metadata.get("step")), options: metadata.get("options")!, numbers };
}
