/**
 * Weights of a golden case: listed in its document, drawn from the number generator, checked by hash.
 *
 * @module
 */
import type { SourceTensor } from "../../core/weights.ts";
import { elementCount, formatShape, type Plan } from "../../core/graph/mod.ts";
import { type Check, same, verdictOf, within } from "./check.ts";
import type { GoldenTensors } from "./golden.ts";
import { drawFloats } from "./number_generator.ts";

/** `weights` of a document. */
export interface WeightManifest {
  /** Seed of the stream. */
  readonly generator_seed: number;
  /** Parameters, a tied pair once. */
  readonly count: number;
  /** Tensors in the order they are drawn: center `c`, amplitude `a`. */
  readonly tensors: readonly {
    /** Upstream's name. */
    readonly name: string;
    /** Extents. */
    readonly shape: readonly number[];
    /** Draws before its first. */
    readonly offset: number;
    /** Amplitude. */
    readonly a: number;
    /** Center. */
    readonly c: number;
  }[];
  /** What some of the tensors must be. */
  readonly check?: Readonly<Record<string, { readonly sha256_f32le: string }>>;
}

/** The tensors of a manifest, each drawn when asked for, so that a large model is never held twice. */
export function manifestSource({ generator_seed: seed, tensors }: WeightManifest): Map<string, SourceTensor> {
  return new Map(tensors.map(({ name, shape, offset, a, c }) => {
    const draws = { seed, offset, count: elementCount(shape) };
    return [name, { shape, toFloat32: () => drawFloats(draws, { amplitude: a, center: c }) }];
  }));
}

/** `name [shape]` of every parameter of a plan, sorted. */
export function parameterLines(plan: Plan): string[] {
  return [...plan.storages.values()].filter(({ role }) => role === "parameter").map(tensorLine).sort();
}

/** `name [shape]` of a tensor. */
export function tensorLine({ name, shape }: { readonly name: string; readonly shape: readonly number[] }): string {
  return `${name} ${formatShape(shape)}`;
}

/** Compares a manifest with the model's own parameters, its hashes, and a weights file where there is one. */
export async function* checkManifest(
  manifest: WeightManifest,
  { plan, file }: { readonly plan: Plan; readonly file?: GoldenTensors | undefined },
): AsyncGenerator<Check> {
  const drawn = manifestSource(manifest);
  yield same("weights.names", { actual: parameterLines(plan), expected: manifest.tensors.map(tensorLine).sort() });
  yield same("weights.count", { actual: [plan.parameterBytes / 4], expected: [manifest.count] });
  for (const [name, { sha256_f32le }] of Object.entries(manifest.check ?? {})) {
    yield await hashed(`weights.${name}`, drawn.get(name)?.toFloat32() ?? new Float32Array(), sha256_f32le);
  }
  if (file === undefined) return;
  const actual = manifest.tensors.flatMap(({ name }) => [...drawn.get(name)!.toFloat32()]);
  const expected = manifest.tensors.flatMap(({ name }) => [...file.floats(name)]);
  yield within("weights.drawn", { actual, expected, tolerance: 0 });
}

/** A stage that passes when the numbers, as little-endian f32, have a SHA-256. */
export async function hashed(stage: string, values: Float32Array, expected: string): Promise<Check> {
  const digest = new Uint8Array(await crypto.subtle.digest("SHA-256", values.slice()));
  const actual = [...digest].map((byte) => byte.toString(16).padStart(2, "0")).join("");
  return verdictOf(stage, actual === expected, actual === expected ? "hash equal" : `hash ${actual}, not ${expected}`);
}
