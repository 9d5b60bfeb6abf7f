/**
 * Starting values of parameters that are trained from nothing.
 *
 * @module
 */
import type { Backend, Storages } from "../core/backend.ts";
import { ConfigError } from "../core/errors.ts";
import { globPattern } from "../core/glob.ts";
import { elementCount } from "../core/graph/tensor.ts";
import { uniform } from "../core/sampling.ts";

/** Options of {@link initialise}. */
export interface InitialiseOptions {
  /** Names, `*` for any characters: `["vision_proj.*"]`. */
  readonly patterns: readonly string[];
  /** Seed; a parameter's values depend on it and on its name alone. */
  readonly seed: number;
}

/**
 * Gives parameters new values: matrices are uniform within ±1/√in as PyTorch's `nn.Linear` has them, embeddings of
 * tokens, patches, positions and classes within ±0.035 (a standard deviation of 0.02), norms 1 and biases 0.
 *
 * @throws {ConfigError} if a pattern matches no parameter
 */
export function initialise(backend: Backend, weights: Storages, { patterns, seed }: InitialiseOptions): void {
  for (const pattern of patterns) {
    const names = [...weights.keys()].filter((name) => globPattern(pattern).test(name));
    if (names.length === 0) throw new ConfigError(`Cannot initialise "${pattern}": no parameter has such a name`);
    for (const name of names) {
      const storage = weights.get(name)!;
      const { shape, layout } = storage.spec;
      const count = elementCount(shape);
      const embedding = /embed/.test(name) && !name.endsWith("bias");
      const bound = embedding ? 0.035 : 1 / Math.sqrt(count / shape[0]!);
      const stream = nameSeed(name, seed);
      const values = layout === "matrix" || embedding
        ? Float32Array.from({ length: count }, (_, i) => bound * (2 * uniform(stream, i) - 1))
        : new Float32Array(count).fill(name.endsWith("weight") ? 1 : 0);
      backend.write(storage, values);
    }
  }
}

/** The stream of random numbers of a parameter. */
export function nameSeed(name: string, seed: number): number {
  let hash = seed;
  for (const letter of name) hash = Math.imul(hash, 31) + letter.codePointAt(0)! | 0;
  return hash;
}
