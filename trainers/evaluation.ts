/**
 * Loss without learning: over a validation set, with its own images and with exchanged ones.
 *
 * @module
 */
import type { Backend, Program, Storage, Storages } from "../core/backend.ts";
import { Graph } from "../core/graph/graph.ts";
import { type Plan, planGraph } from "../core/graph/plan.ts";
import { elementCount } from "../core/graph/tensor.ts";
import type { VisionLanguageModel } from "../core/model.ts";
import { allocateMissing } from "../core/weights.ts";
import { batchLoss, type BatchSizes, type TrainBatch, writeBatch } from "./batch.ts";
import type { BatchSource } from "./batch_source.ts";
import type { ImageInput } from "./image_input.ts";
import type { Validation } from "./train_events.ts";

/** Options of {@link Evaluation}. */
export interface EvaluationOptions {
  /** The model's parameters on the backend; they are read as they are at the time. */
  readonly weights: Storages;
  /** Sizes of every batch. */
  readonly sizes: BatchSizes;
  /** How batches hold images: {@link TrainStep.imageInput} of the step that learns. */
  readonly imageInput: ImageInput;
}

/** Computes losses. Its program is loaded once; it takes the memory of a forward pass. */
export class Evaluation implements Disposable {
  readonly #backend: Backend;
  readonly #weights: Storages;
  readonly #storages: Map<string, Storage>;
  readonly #program: Program;
  readonly #input: ImageInput;
  /** Numbers of an image. */
  readonly #image: number;

  /** Plans and loads the forward pass. */
  constructor(backend: Backend, model: VisionLanguageModel, { weights, sizes, imageInput }: EvaluationOptions) {
    this.#backend = backend;
    this.#weights = weights;
    this.#storages = new Map(weights);
    const plan = planLoss(model, { sizes, imageInput });
    allocateMissing(backend, plan, this.#storages);
    this.#program = backend.load(plan, this.#storages);
    this.#input = imageInput;
    this.#image = elementCount(imageInput.shape);
  }

  /** Mean cross-entropy of a batch over its labels; 0 if it has none. */
  async loss(batch: TrainBatch): Promise<number> {
    writeBatch(this.#program, batch);
    this.#program.run();
    return (await this.#program.read("crossEntropy"))[0]!;
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
      const own = batch.images!;
      const swapped = own.slice();
      swapped.set(before);
      swapped.set(own.subarray(0, (images - 1) * this.#image), this.#image);
      before = own.slice((images - 1) * this.#image, images * this.#image);
      sums.swapped += labels * await this.loss({ ...batch, images: swapped });
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
  #imagesOf({ index, images }: TrainBatch): number {
    if (index === undefined || images === undefined) return 0;
    return Math.floor(index.reduce((most, row) => Math.max(most, row), -1) / this.#input.tokens) + 1;
  }

  async #lastImage(source: BatchSource): Promise<Float32Array | undefined> {
    for (let i = source.batchesPerEpoch - 1; i >= 0; i--) {
      const batch = await source.batch({ epoch: 0, batch: i });
      const images = this.#imagesOf(batch);
      if (images > 0) return batch.images!.slice((images - 1) * this.#image, images * this.#image);
    }
    return undefined;
  }
}

/** Forward and loss, with the inputs of a batch; output `crossEntropy`. */
function planLoss(model: VisionLanguageModel, options: Pick<EvaluationOptions, "sizes" | "imageInput">): Plan {
  const graph = new Graph();
  graph.output("crossEntropy", batchLoss(graph, model, { ...options, auxLoss: false }).crossEntropy);
  return planGraph(graph);
}
