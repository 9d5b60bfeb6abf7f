/**
 * Random weights and inputs that both sides of a benchmark draw alike.
 *
 * @module
 */
import { elementCount, type Plan, type SourceTensor } from "../engine.ts";
import { drawFloats } from "../cli/verify/number_generator.ts";

/** Weights for the parameters of a plan: unit gain in matrices, norms around 1, small biases. */
export function randomWeights(plan: Plan, seed: number): Map<string, SourceTensor> {
  const weights = new Map<string, SourceTensor>();
  let offset = 0;
  for (const [name, { role, shape }] of plan.storages) {
    if (role !== "parameter") continue;
    const count = elementCount(shape);
    const values = drawFloats({ seed, offset, count }, spread(name, shape));
    weights.set(name, { shape, toFloat32: () => values });
    offset += count;
  }
  return weights;
}

/** Numbers uniform in −√3…√3, so of variance 1. */
export function randomFloats(count: number, seed: number): Float32Array {
  return drawFloats({ seed, count }, { amplitude: Math.sqrt(3) });
}

function spread(name: string, shape: readonly number[]): { amplitude: number; center: number } {
  if (name.endsWith("bias") || name.includes("embed")) return { amplitude: 0.1, center: 0 };
  if (shape.length === 1) return { amplitude: 0.2, center: 1 };
  return { amplitude: Math.sqrt(3 / elementCount(shape.slice(1))), center: 0 };
}
