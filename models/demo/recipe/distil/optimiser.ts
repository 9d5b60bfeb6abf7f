/**
 * The weights between two steps: AdamW on the backend, and their running average.
 *
 * @module
 */
import type { Backend, Program, Storage } from "../../../../core/backend.ts";
import type { Plan } from "../../../../core/graph/mod.ts";
import { allocateMissing } from "../../../../core/weights.ts";
import { initialise } from "../../../../trainers/initialise.ts";
import { adamwSettings, planOptimiser } from "../../../../trainers/optimiser.ts";
import type { DistilOptions, ParameterPlace } from "./options.ts";
import { parameterPlaces } from "./student.ts";

/** What a state keeps of each parameter besides the average. */
const kinds = ["", "mean.", "variance."] as const;

/** Weights that learn. */
export class Learner {
  /** The weights of the step, shared with the workers. */
  readonly weights: Float32Array;
  /** Their average over the last steps. */
  readonly average: Float32Array;
  /** Where each parameter lies in them. */
  readonly places: readonly ParameterPlace[];
  readonly #backend: Backend;
  readonly #options: DistilOptions;
  readonly #storages = new Map<string, Storage>();
  readonly #program: Program;

  /** Allocates the parameters of a plan and gives them their first values. */
  constructor(backend: Backend, plan: Plan, options: DistilOptions) {
    this.#backend = backend;
    this.#options = options;
    this.places = parameterPlaces(plan);
    const parameters = this.places.map(({ name }) => plan.storages.get(name)!);
    for (const tensor of parameters) this.#storages.set(tensor.name, backend.alloc(tensor));
    initialise(backend, this.#storages, { patterns: ["*"], seed: options.seed });
    const update = planOptimiser([
      { name: "matrices", parameters: parameters.filter(({ layout }) => layout === "matrix") },
      { name: "rows", parameters: parameters.filter(({ layout }) => layout === "rows") },
    ]);
    allocateMissing(backend, update, this.#storages);
    this.#program = backend.load(update, this.#storages);
    this.#program.write("limit", new Float32Array([1]));
    const count = this.places.reduce((sum, place) => sum + place.count, 0);
    this.weights = new Float32Array(new SharedArrayBuffer(4 * count));
    this.average = new Float32Array(count);
  }

  /** Reads the weights from the backend, and with `first` starts the average from them. */
  async publish({ first }: { readonly first: boolean }): Promise<void> {
    for (const { name, offset } of this.places) {
      this.weights.set(await this.#backend.read(this.#storages.get(name)!) as Float32Array, offset);
    }
    if (first) this.average.set(this.weights);
  }

  /** One update, counted from 0, with the sum of the workers' gradients; gives the norm before clipping. */
  async update(
    gradients: readonly Float32Array[],
    { step, learningRate }: { readonly step: number; readonly learningRate: number },
  ): Promise<number> {
    const sum = gradients[0]!.slice();
    for (const other of gradients.slice(1)) for (let i = 0; i < sum.length; i++) sum[i]! += other[i]!;
    for (let i = 0; i < sum.length; i++) sum[i]! /= gradients.length;
    for (const { name, offset, count } of this.places) {
      this.#backend.write(this.#storages.get(`gradient.${name}`)!, sum.subarray(offset, offset + count));
    }
    const { weightDecay, average } = this.#options;
    for (const [group, decay] of [["matrices", weightDecay], ["rows", 0]] as const) {
      const settings = adamwSettings(learningRate, step + 1, { weightDecay: decay, beta2: 0.98 });
      this.#program.write(`settings.${group}`, settings);
    }
    this.#program.run();
    await this.publish({ first: false });
    const keep = Math.min(1 - 1 / average, (step + 1) / (step + 10));
    for (let i = 0; i < this.average.length; i++) {
      this.average[i] = keep * this.average[i]! + (1 - keep) * this.weights[i]!;
    }
    return Math.sqrt((await this.#program.read("squares"))[0]!);
  }

  /** All numbers that a state keeps. */
  async save(): Promise<Map<string, Float32Array>> {
    const numbers = new Map([["average", this.average]]);
    for (const kind of kinds) {
      const all = new Float32Array(this.average.length);
      for (const { name, offset } of this.places) {
        all.set(await this.#backend.read(this.#storages.get(kind + name)!) as Float32Array, offset);
      }
      numbers.set(`${kind}weights`, all);
    }
    return numbers;
  }

  /** Takes the numbers of a state back. */
  async restore(numbers: ReadonlyMap<string, Float32Array>): Promise<void> {
    for (const kind of kinds) {
      for (const { name, offset, count } of this.places) {
        const all = numbers.get(`${kind}weights`)!;
        this.#backend.write(this.#storages.get(kind + name)!, all.subarray(offset, offset + count));
      }
    }
    await this.publish({ first: false });
    this.average.set(numbers.get("average")!);
  }
}
