/**
 * One step of training: forward, loss and backward as one program, the optimiser as another, both recorded once.
 *
 * @module
 */
import type { Backend, Program, Storage, Storages } from "../core/backend.ts";
import { ShapeError } from "../core/errors.ts";
import { Graph } from "../core/graph/graph.ts";
import { type Plan, planGraph } from "../core/graph/plan.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import { embedPrompt, loss, type VisionLanguageModel } from "../core/model.ts";
import { allocateMissing } from "../core/weights.ts";
import { type AdamWOptions, adamwSettings, planOptimiser } from "./optimiser.ts";

/** Sizes of a batch; every batch of a run has them. */
export interface BatchSizes {
  /** Rows B. */
  readonly rows: number;
  /** Tokens T of a row, padding included. */
  readonly tokens: number;
  /** Images of the whole batch at most; 0 for text alone. */
  readonly images: number;
}

/** What a step learns from. */
export interface TrainBatch {
  /** Token ids, `[B,T]`. */
  readonly ids: Int32Array;
  /** The id that should follow each token, `[B,T]`; negative where nothing is learnt. */
  readonly targets: Int32Array;
  /** Features of the images `[M,N,C]`; fewer than the batch has room for are filled up with zeros. */
  readonly features?: Float32Array | undefined;
  /** For each token the row of the images' embeddings, −1 for text, `[B,T]`. Default all text. */
  readonly index?: Int32Array | undefined;
}

/** Options of {@link TrainStep}. */
export interface TrainStepOptions {
  /** The model's parameters on the backend; the step changes the trainable ones in place. */
  readonly weights: Storages;
  /** Sizes of every batch. */
  readonly sizes: BatchSizes;
  /** Names of the parameters to train. */
  readonly trainable: ReadonlySet<string>;
  /** Largest global norm of the gradients. Default 1. */
  readonly clip?: number | undefined;
  /** AdamW's numbers. */
  readonly adamw?: AdamWOptions | undefined;
  /** Batches whose gradients are added up before an update. Default 1. */
  readonly accumulation?: number | undefined;
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
}

/** Trains a model, batch by batch. After the first step nothing is allocated on the device. */
export class TrainStep implements Disposable {
  /** Parameters that get a gradient, in the order of the graph. */
  readonly parameters: readonly Tensor[];
  /** The program of forward and backward. */
  readonly plan: Plan;
  readonly #backend: Backend;
  readonly #options: TrainStepOptions;
  readonly #storages: Map<string, Storage>;
  readonly #backward: Program;
  readonly #optimiser: Program;
  #updates = 0;

  /**
   * Plans and loads both programs.
   *
   * @throws {ShapeError} if nothing that is to be trained affects the loss
   */
  constructor(backend: Backend, model: VisionLanguageModel, options: TrainStepOptions) {
    this.#backend = backend;
    this.#options = options;
    this.plan = planStep(model, options);
    const gradients = new Set(this.plan.storages.keys());
    this.parameters = [...this.plan.storages.values()].filter(({ name, role }) => {
      return role === "parameter" && gradients.has(`gradient.${name}`);
    });
    const update = planOptimiser([{ name: "all", parameters: this.parameters }]);
    this.#storages = new Map(options.weights);
    for (const plan of [this.plan, update]) allocateMissing(backend, plan, this.#storages);
    this.#backward = backend.load(this.plan, this.#storages);
    this.#optimiser = backend.load(update, this.#storages);
    this.#optimiser.write("limit", new Float32Array([options.clip ?? 1]));
  }

  /** Updates done so far; set it when a run resumes. */
  get updates(): number {
    return this.#updates;
  }

  set updates(count: number) {
    this.#updates = count;
  }

  /** Adds the gradients of a batch and gives its loss. */
  async backward(batch: TrainBatch): Promise<StepLoss> {
    const { ids, targets, features, index } = batch;
    const { images } = this.#options.sizes;
    this.#backward.write("ids", ids);
    this.#backward.write("targets", targets);
    if (images > 0) {
      const room = this.plan.inputs.get("features")!.shape.reduce((product, extent) => product * extent, 1);
      if ((features?.length ?? 0) > room) {
        throw new ShapeError(`Cannot train: ${features!.length} numbers of features, the step has room for ${room}`);
      }
      const padded = new Float32Array(room);
      if (features !== undefined) padded.set(features);
      this.#backward.write("features", padded);
      this.#backward.write("index", index ?? new Int32Array(ids.length).fill(-1));
    }
    this.#backward.run();
    const [total] = await this.#backward.read("total");
    const [crossEntropy] = await this.#backward.read("crossEntropy");
    return { total: total! * (this.#options.accumulation ?? 1), crossEntropy: crossEntropy! };
  }

  /** Updates the parameters from the gradients added up so far, which are zero afterwards. */
  async update(learningRate: number): Promise<StepUpdate> {
    this.#optimiser.write("settings.all", adamwSettings(learningRate, this.#updates + 1, this.#options.adamw));
    this.#optimiser.run();
    const [squares] = await this.#optimiser.read("squares");
    const applied = Number.isFinite(squares);
    if (applied) this.#updates++;
    return { norm: Math.sqrt(squares!), applied };
  }

  /** A storage of the step by name: a parameter, its `gradient.`, `mean.` or `variance.`. */
  storage(name: string): Storage | undefined {
    return this.#storages.get(name);
  }

  /** Frees programs, gradients and moments; the weights stay. */
  [Symbol.dispose](): void {
    this.#backward[Symbol.dispose]();
    this.#optimiser[Symbol.dispose]();
    for (const [name, storage] of this.#storages) {
      if (!this.#options.weights.has(name)) this.#backend.free(storage);
    }
  }
}

/** Forward, loss and backward. Inputs `ids`, `targets`, and with images `features`, `index`; outputs the losses. */
function planStep(model: VisionLanguageModel, { sizes, trainable, accumulation = 1 }: TrainStepOptions): Plan {
  const { rows, tokens, images } = sizes;
  const graph = new Graph();
  const ids = graph.input("ids", "i32", [rows, tokens]);
  const targets = graph.input("targets", "i32", [rows, tokens]);
  const { input } = model.projector;
  const embeddings = images === 0
    ? undefined
    : model.projector.project(graph, graph.input("features", "f32", [images, input.tokens, input.width]));
  const hidden = embedPrompt(graph, model, {
    ids,
    images: embeddings && { embeddings, index: graph.input("index", "i32", [rows, tokens]) },
  });
  const losses = loss(graph, model, { hidden, targets });
  const total = accumulation === 1 ? losses.total : graph.scale(losses.total, 1 / accumulation);
  graph.output("total", total);
  graph.output("crossEntropy", losses.crossEntropy);
  graph.backward(total, ({ name }) => trainable.has(name));
  return planGraph(graph);
}
