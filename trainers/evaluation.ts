/**
 * Loss without learning: over a validation set, with its own images and with exchanged ones.
 *
 * @module
 */
import type { Backend, Program, Storage, Storages } from "../core/backend.ts";
import { Graph } from "../core/graph/graph.ts";
import { type Plan, planGraph } from "../core/graph/plan.ts";
import { elementCount } from "../core/graph/tensor.ts";
import { embedPrompt, loss, type VisionLanguageModel } from "../core/model.ts";
import { allocateMissing } from "../core/weights.ts";
import type { BatchSource } from "./batch_source.ts";
import type { Validation } from "./train_events.ts";
import type { BatchSizes, TrainBatch } from "./train_step.ts";

/** Options of {@link Evaluation}. */
export interface EvaluationOptions {
  /** The model's parameters on the backend; they are read as they are at the time. */
  readonly weights: Storages;
  /** Sizes of every batch. */
  readonly sizes: BatchSizes;
}

/** Computes losses. Its program is loaded once; it takes the memory of a forward pass. */
export class Evaluation implements Disposable {
  readonly #backend: Backend;
  readonly #weights: Storages;
  readonly #storages: Map<string, Storage>;
  readonly #program: Program;
  readonly #image: number;

  /** Plans and loads the forward pass. */
  constructor(backend: Backend, model: VisionLanguageModel, { weights, sizes }: EvaluationOptions) {
    this.#backend = backend;
    this.#weights = weights;
    this.#storages = new Map(weights);
    const plan = planLoss(model, sizes);
    allocateMissing(backend, plan, this.#storages);
    this.#program = backend.load(plan, this.#storages);
    this.#image = model.projector.input.tokens * model.projector.input.width;
  }

  /** Mean cross-entropy of a batch over its labels; 0 if it has none. */
  async loss({ ids, targets, features, index }: TrainBatch): Promise<number> {
    const program = this.#program;
    program.write("ids", ids);
    program.write("targets", targets);
    const room = program.plan.inputs.get("features");
    if (room !== undefined) {
      const padded = new Float32Array(elementCount(room.shape));
      padded.set(features ?? []);
      program.write("features", padded);
      program.write("index", index ?? new Int32Array(ids.length).fill(-1));
    }
    program.run();
    return (await program.read("crossEntropy"))[0]!;
  }

  /**
   * Losses over all batches of an epoch. For the second one every image is replaced by the one before it, the first
   * one by the last, so that all texts see a wrong image but the images are the same.
   */
  async validate(source: BatchSource, { signal }: { signal?: AbortSignal | undefined } = {}): Promise<Validation> {
    const sums = { labels: 0, loss: 0, swapped: 0, images: 0 };
    let before = await this.#lastImage(source);
    for (let i = 0; i < source.batchesPerEpoch; i++) {
      signal?.throwIfAborted();
      const batch = await source.batch({ epoch: 0, batch: i });
      const labels = batch.targets.reduce((count, id) => id >= 0 ? count + 1 : count, 0);
      const images = this.#imagesOf(batch);
      const loss = await this.loss(batch);
      sums.labels += labels;
      sums.loss += loss * labels;
      sums.images += images;
      if (images === 0 || before === undefined) {
        sums.swapped += loss * labels;
        continue;
      }
      const own = batch.features!;
      const swapped = own.slice();
      swapped.set(before);
      swapped.set(own.subarray(0, (images - 1) * this.#image), this.#image);
      before = own.slice((images - 1) * this.#image, images * this.#image);
      sums.swapped += labels * await this.loss({ ...batch, features: swapped });
    }
    const loss = sums.loss / sums.labels;
    return sums.images < 2 ? { loss } : { loss, imageScore: (sums.swapped - sums.loss) / sums.labels };
  }

  /** Frees the program; the shared weights stay. */
  [Symbol.dispose](): void {
    this.#program[Symbol.dispose]();
    for (const [name, storage] of this.#storages) if (!this.#weights.has(name)) this.#backend.free(storage);
  }

  /** Images of a batch: as many as its index speaks of. */
  #imagesOf({ index, features }: TrainBatch): number {
    if (index === undefined || features === undefined) return 0;
    const tokens = this.#program.plan.inputs.get("features")!.shape[1]!;
    return Math.floor(index.reduce((most, row) => Math.max(most, row), -1) / tokens) + 1;
  }

  async #lastImage(source: BatchSource): Promise<Float32Array | undefined> {
    for (let i = source.batchesPerEpoch - 1; i >= 0; i--) {
      const batch = await source.batch({ epoch: 0, batch: i });
      const images = this.#imagesOf(batch);
      if (images > 0) return batch.features!.slice((images - 1) * this.#image, images * this.#image);
    }
    return undefined;
  }
}

/** Forward and loss. Inputs `ids`, `targets`, and with images `features`, `index`; output `crossEntropy`. */
function planLoss(model: VisionLanguageModel, { rows, tokens, images }: BatchSizes): Plan {
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
  graph.output("crossEntropy", loss(graph, model, { hidden, targets, auxLoss: false }).crossEntropy);
  return planGraph(graph);
}
