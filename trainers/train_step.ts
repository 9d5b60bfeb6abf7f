/**
 * One step of training: forward, loss and backward as one program, the optimiser as another, both recorded once.
 *
 * @module
 */
import type { Backend, Program, Storage, Storages } from "../core/backend.ts";
import { Graph } from "../core/graph/graph.ts";
import { type Plan, planGraph } from "../core/graph/plan.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import type { VisionLanguageModel } from "../core/model.ts";
import { checkProducts } from "../core/storages.ts";
import { allocateMissing } from "../core/weights.ts";
import { batchLoss, type BatchSizes, type TrainBatch, writeBatch } from "./batch.ts";
import { chooseImageInput, type ImageInput } from "./image_input.ts";
import { type LossScale, nextScale, startScale } from "./loss_scale.ts";
import { type AdamWOptions, adamwSettings, planOptimiser } from "./optimiser.ts";
import { groupParameters, type ParameterRule, type RuledGroup } from "./parameter_groups.ts";
import { WeightAverage } from "./weight_average.ts";

/** Options of {@link TrainStep}. */
export interface TrainStepOptions {
  /** The model's parameters on the backend; the step changes the trainable ones in place. */
  readonly weights: Storages;
  /** Sizes of every batch. */
  readonly sizes: BatchSizes;
  /** Names of the parameters to train. With one of the encoder's among them batches hold pixels, else features. */
  readonly trainable: ReadonlySet<string>;
  /** Largest global norm of the gradients. Default 1. */
  readonly clip?: number | undefined;
  /** AdamW's numbers. */
  readonly adamw?: AdamWOptions | undefined;
  /** Learning rates and weight decays of some parameters' own. Default none. */
  readonly rules?: readonly ParameterRule[] | undefined;
  /** Batches whose gradients are added up before an update. Default 1. */
  readonly accumulation?: number | undefined;
  /**
   * Decay of a moving average of the weights, which {@link TrainStep.result} has in their place; for instance 0.999.
   * Default: none is kept.
   */
  readonly ema?: number | undefined;
  /**
   * Whether the blocks of decoder and encoder are computed again for their backward calls, which keeps one block's values
   * instead of all. The same gradients, for about a fifth more work. Default false.
   */
  readonly recompute?: boolean | undefined;
  /**
   * What matrix products multiply. `f16` is mixed precision: weights, sums, norms, softmax and optimiser stay f32, and
   * a {@link LossScale} keeps small gradients from vanishing. Only for backends that have it. Default `f32`.
   */
  readonly precision?: "f32" | "f16" | undefined;
}

/** Losses of one batch. */
export interface StepLoss {
  /** Cross-entropy and auxiliary loss together. */
  readonly total: number;
  /** Mean cross-entropy. */
  readonly crossEntropy: number;
}

/** Outcome of an update. */
export interface StepUpdate {
  /** Global norm of the gradients before clipping. */
  readonly norm: number;
  /** False when the norm was not finite and the update was left out. */
  readonly applied: boolean;
  /** What the loss was scaled by; undefined in f32. */
  readonly lossScale?: number | undefined;
}

/** Trains a model, batch by batch. After the first step nothing is allocated on the device. */
export class TrainStep implements Disposable {
  /** Parameters that get a gradient, in the order of the graph. */
  readonly parameters: readonly Tensor[];
  /** The program of forward and backward. */
  readonly plan: Plan;
  /** How its batches hold images. */
  readonly imageInput: ImageInput;
  /** What the run is about: the model's parameters, averages in place of those that are averaged. */
  readonly result: Storages;
  readonly #backend: Backend;
  readonly #options: TrainStepOptions;
  readonly #groups: readonly RuledGroup[];
  readonly #storages: Map<string, Storage>;
  readonly #backward: Program;
  readonly #optimiser: Program;
  readonly #average: WeightAverage | undefined;
  #updates = 0;
  #lossScale: LossScale | undefined;

  /**
   * Plans and loads both programs.
   *
   * @throws {TypeError} if the precision is one that the backend has not
   * @throws {ShapeError} if nothing that is to be trained affects the loss
   * @throws {ConfigError} if a rule names no parameter, or has a number that cannot be
   */
  constructor(backend: Backend, model: VisionLanguageModel, options: TrainStepOptions) {
    this.#backend = backend;
    this.#options = options;
    this.imageInput = chooseImageInput(model, options);
    this.plan = planStep(model, { ...options, imageInput: this.imageInput });
    checkProducts(this.plan, backend);
    const gradients = new Set(this.plan.storages.keys());
    this.parameters = [...this.plan.storages.values()].filter(({ name, role }) => {
      return role === "parameter" && gradients.has(`gradient.${name}`);
    });
    this.#groups = groupParameters(this.parameters, options.rules ?? []);
    this.#lossScale = options.precision === "f16" ? startScale : undefined;
    const update = planOptimiser(this.#groups, { scaled: this.#lossScale !== undefined });
    this.#storages = new Map(options.weights);
    for (const plan of [this.plan, update]) allocateMissing(backend, plan, this.#storages);
    this.#backward = backend.load(this.plan, this.#storages);
    this.#optimiser = backend.load(update, this.#storages);
    this.#optimiser.write("limit", new Float32Array([options.clip ?? 1]));
    const averaged = { parameters: this.parameters, storages: this.#storages };
    this.#average = options.ema === undefined
      ? undefined
      : new WeightAverage(backend, { ...averaged, decay: options.ema });
    this.result = new Map([...options.weights].map(([name, storage]) => {
      return [name, this.#storages.get(`average.${name}`) ?? storage];
    }));
  }

  /** Updates done so far; set it when a run resumes. */
  get updates(): number {
    return this.#updates;
  }

  set updates(count: number) {
    this.#updates = count;
  }

  /** The scale of the next batches' gradients, undefined in f32; set it when a run resumes. */
  get lossScale(): LossScale | undefined {
    return this.#lossScale;
  }

  set lossScale(scale: LossScale | undefined) {
    if ((scale === undefined) !== (this.#lossScale === undefined)) {
      throw new TypeError(`Cannot set the loss scale: the step trains in ${this.plan.products}`);
    }
    this.#lossScale = scale;
  }

  /** Adds the gradients of a batch and gives its loss. */
  async backward(batch: TrainBatch): Promise<StepLoss> {
    writeBatch(this.#backward, batch);
    if (this.#lossScale !== undefined) this.#backward.write("lossScale", Float32Array.of(this.#lossScale.scale));
    this.#backward.run();
    const [total, crossEntropy] = await this.#backward.read("losses");
    return { total: total! * (this.#options.accumulation ?? 1), crossEntropy: crossEntropy! };
  }

  /** Updates the parameters from the gradients added up so far, which are zero afterwards. */
  async update(learningRate: number): Promise<StepUpdate> {
    const { adamw = {} } = this.#options;
    for (const { name, rate, weightDecay = adamw.weightDecay } of this.#groups) {
      const settings = adamwSettings(rate * learningRate, this.#updates + 1, { ...adamw, weightDecay });
      this.#optimiser.write(`settings.${name}`, settings);
    }
    const lossScale = this.#lossScale?.scale;
    if (lossScale !== undefined) this.#optimiser.write("scale", Float32Array.of(lossScale));
    this.#optimiser.run();
    const [squares] = await this.#optimiser.read("squares");
    const applied = Number.isFinite(squares);
    if (this.#lossScale !== undefined) this.#lossScale = nextScale(this.#lossScale, { applied });
    if (applied) {
      this.#updates++;
      this.#average?.update(this.#updates);
    }
    return { norm: Math.sqrt(squares!) / (lossScale ?? 1), applied, lossScale };
  }

  /** A storage of the step by name: a parameter, its `gradient.`, `mean.`, `variance.` or `average.`. */
  storage(name: string): Storage | undefined {
    return this.#storages.get(name);
  }

  /** Frees programs, gradients and moments; the weights stay. */
  [Symbol.dispose](): void {
    this.#backward[Symbol.dispose]();
    this.#optimiser[Symbol.dispose]();
    this.#average?.[Symbol.dispose]();
    for (const [name, storage] of this.#storages) {
      if (!this.#options.weights.has(name)) this.#backend.free(storage);
    }
  }
}

/** Forward, loss and backward, with the inputs of a batch; outputs the losses. */
function planStep(
  model: VisionLanguageModel,
  { sizes, imageInput, trainable, accumulation = 1, recompute, precision }: TrainStepOptions & {
    readonly imageInput: ImageInput;
  },
): Plan {
  const graph = new Graph();
  const losses = batchLoss(graph, model, { sizes, imageInput, auxLoss: true });
  const total = accumulation === 1 ? losses.total : graph.scale(losses.total, 1 / accumulation);
  // Side by side, since a read from a device takes its time however little is read.
  graph.output("losses", graph.prepend(graph.reshape(losses.crossEntropy, [1, 1, 1]), total)); // [1,2,1]
  const seed = precision === "f16" ? graph.input("lossScale", "f32", [1]) : undefined;
  graph.backward(total, ({ name }) => trainable.has(name), { recompute, seed });
  return planGraph(graph, { products: precision });
}
