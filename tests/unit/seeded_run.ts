/**
 * Runs graphs on the reference backend with weights drawn from their names, for tests of model code.
 *
 * @module
 */
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import type { HostData, Program, Storage } from "../../core/backend.ts";
import { elementCount, type Graph, planGraph, type Tensor } from "../../core/graph/mod.ts";
import { uniform } from "../../core/sampling.ts";
import { allocateMissing } from "../../core/weights.ts";

/** Numbers in −amplitude … amplitude, the same for the same name. */
export function seededValues(name: string, count: number, amplitude = 1): Float32Array {
  let seed = 0;
  for (const letter of name) seed = Math.imul(seed, 31) + letter.codePointAt(0)! | 0;
  return Float32Array.from({ length: count }, (_, i) => amplitude * (2 * uniform(seed, i) - 1));
}

/** Values of a parameter: matrices keep the size of what passes through them, norms are near 1. */
export function seededWeight({ name, shape, layout }: Pick<Tensor, "name" | "shape" | "layout">): Float32Array {
  const count = elementCount(shape);
  if (layout === "matrix") return seededValues(name, count, Math.sqrt(3 * shape[0]! / count));
  return seededValues(name, count, 0.3).map((value) => value + 1);
}

/** Programs that share storages: weights, constants, caches. */
export class SeededRun {
  readonly #backend = createReferenceBackend();
  readonly #storages = new Map<string, Storage>();
  readonly #weights: (tensor: Tensor) => Float32Array;

  /** `weights` may replace the seeded values. */
  constructor(weights: (tensor: Tensor) => Float32Array = seededWeight) {
    this.#weights = weights;
  }

  /** Loads a graph and writes its inputs. */
  load(graph: Graph, inputs: Readonly<Record<string, HostData>> = {}): Program {
    const plan = planGraph(graph);
    for (const [name, tensor] of plan.storages) {
      if (tensor.role !== "parameter" || this.#storages.has(name)) continue;
      const storage = this.#backend.alloc(tensor);
      this.#backend.write(storage, this.#weights(tensor));
      this.#storages.set(name, storage);
    }
    allocateMissing(this.#backend, plan, this.#storages);
    const program = this.#backend.load(plan, this.#storages);
    for (const [name, data] of Object.entries(inputs)) program.write(name, data);
    return program;
  }

  /** Loads a graph, runs it once and reads its outputs. */
  async once(graph: Graph, inputs: Readonly<Record<string, HostData>> = {}): Promise<Record<string, HostData>> {
    using program = this.load(graph, inputs);
    program.run();
    const outputs: Record<string, HostData> = {};
    for (const name of graph.outputs.keys()) outputs[name] = await program.read(name);
    return outputs;
  }
}

/** Largest absolute difference; infinite when the lengths differ or a number is missing. */
export function largestDifference(a: ArrayLike<number>, b: ArrayLike<number>): number {
  if (a.length !== b.length || a.length === 0) return Infinity;
  let largest = 0;
  for (let i = 0; i < a.length; i++) {
    const difference = Math.abs(a[i]! - b[i]!);
    if (!(difference <= largest)) largest = Number.isNaN(difference) ? Infinity : difference;
  }
  return largest;
}
