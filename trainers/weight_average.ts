/**
 * An exponential moving average of the weights, beside those that are trained (Polyak and Juditsky 1992).
 *
 * @module
 */
import type { Backend, Program, Storage } from "../core/backend.ts";
import { Graph } from "../core/graph/graph.ts";
import { type Plan, planGraph } from "../core/graph/plan.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import { allocateMissing } from "../core/weights.ts";
import { declareParameter } from "./optimiser.ts";

/** Options of {@link WeightAverage}. */
export interface WeightAverageOptions {
  /** What is averaged. */
  readonly parameters: readonly Tensor[];
  /** Their storages; each average is added, as `average.<name>`. */
  readonly storages: Map<string, Storage>;
  /** Share of the old average in a new one, from 0 up to 1: 0.999 averages over about the last thousand updates. */
  readonly decay: number;
}

/** Averages weights. Before the first update the averages are the weights as they were. */
export class WeightAverage implements Disposable {
  readonly #copy: Program;
  readonly #move: Program;

  /**
   * Allocates the averages and loads the programs that keep them.
   *
   * @throws {RangeError} if the decay is not from 0 up to 1
   */
  constructor(backend: Backend, { parameters, storages, decay }: WeightAverageOptions) {
    if (!(decay >= 0 && decay < 1)) throw new RangeError(`Cannot average weights with a decay of ${decay}`);
    const [copy, move] = [0, decay].map((decay) => planAverage(parameters, decay));
    allocateMissing(backend, move!, storages);
    this.#copy = backend.load(copy!, storages);
    this.#move = backend.load(move!, storages);
    this.#copy.run();
  }

  /** Takes in the weights after an update, counted from 1. The first one is copied, as PyTorch's `AveragedModel` does. */
  update(count: number): void {
    (count === 1 ? this.#copy : this.#move).run();
  }

  /** Frees the programs; the averages are the caller's. */
  [Symbol.dispose](): void {
    this.#copy[Symbol.dispose]();
    this.#move[Symbol.dispose]();
  }
}

/** average = decay · average + (1 − decay) · parameter. */
function planAverage(parameters: readonly Tensor[], decay: number): Plan {
  const graph = new Graph();
  for (const spec of parameters) {
    const parameter = declareParameter(graph, spec);
    const average = graph.stateLike(parameter, "average");
    graph.append("scale", { x: average }, { y: average }, { factor: decay });
    graph.append("accumulate", { x: parameter }, { y: average }, { factor: 1 - decay });
  }
  return planGraph(graph);
}
