/**
 * An adapter in training: the matrices of a LoRA on a backend, beside a base that stays as it is.
 *
 * @module
 */
import type { Backend, Storage, Storages } from "../core/backend.ts";
import { ConfigError } from "../core/errors.ts";
import { globPattern } from "../core/glob.ts";
import { elementCount } from "../core/graph/tensor.ts";
import { adaptModel, linearLayers, loraNames, type LoraOptions } from "../core/lora.ts";
import type { VisionLanguageModel } from "../core/model.ts";
import { planParameters } from "../core/model_plans.ts";
import { uniform } from "../core/sampling.ts";
import type { SourceTensor } from "../core/weights.ts";
import { checkLora, type LoraAdapter, squareLayers } from "../data/lora_file.ts";
import { nameSeed } from "./initialise.ts";

/** What `--lora-layers` stands for by default: q, k, v, o, gate, up and down of every block of the decoder. */
export const defaultLoraLayers: readonly string[] = ["model.layers.*_proj"];

/** Names the layers that upstream adapts, those as wide as they are long, among patterns. */
export const squareLoraLayers = "square";

/**
 * The layers of a model that some patterns name, `*` for any characters; `square` stands for upstream's choice. Experts
 * of a mixture are passed over, for they cannot be adapted.
 *
 * @throws {ConfigError} naming the pattern that no layer has
 */
export function chooseLoraLayers(model: VisionLanguageModel, patterns: readonly string[]): string[] {
  const layers = linearLayers(model);
  const square = new Set(squareLayers(new Map([...layers.values()].map((weight) => [weight.name, weight]))));
  const fits = (layer: string, pattern: string) =>
    pattern === squareLoraLayers ? square.has(layer) : globPattern(pattern).test(layer);
  const idle = patterns.find((pattern) => ![...layers.keys()].some((layer) => fits(layer, pattern)));
  if (idle !== undefined) {
    const grouped = [...planParameters(model).storages.keys()].some((name) => {
      return name.includes(".experts.") && globPattern(idle).test(name.replace(/\.weight$/, ""));
    });
    const problem = grouped ? "the experts of a mixture are computed together" : "no linear layer has such a name";
    throw new ConfigError(`Cannot adapt "${idle}": ${problem}`);
  }
  return [...layers.keys()].filter((layer) => patterns.some((pattern) => fits(layer, pattern)));
}

/** What an adapter starts from: nothing, or another adapter. */
export type LoraStart = NewLora | LoraAdapter;

/** An adapter that starts from nothing. */
export interface NewLora extends LoraOptions {
  /** Seed; a matrix's values depend on it and on its name alone. */
  readonly seed: number;
}

/** Options of {@link LoraTraining}. */
export interface LoraTrainingOptions {
  /** The base. */
  readonly model: VisionLanguageModel;
  /** Its parameters on the backend; they stay as they are. */
  readonly weights: Storages;
  /** What the adapter starts from. */
  readonly start: LoraStart;
}

/** An adapter on a backend. `model`, `weights` and `trainable` are what a training step, an evaluation or a generator takes. */
export class LoraTraining implements Disposable {
  /** The adapted model. */
  readonly model: VisionLanguageModel;
  /** Parameters of the base and of the adapter. */
  readonly weights: Storages;
  /** Names of the adapter's parameters. */
  readonly trainable: ReadonlySet<string>;
  /** What the adapter is. */
  readonly options: LoraOptions;
  readonly #backend: Backend;

  /**
   * Puts an adapter beside a model. As upstream has it, A is normal with a standard deviation of 0.02 and B is zero, so
   * that nothing has changed yet.
   *
   * @throws {ConfigError} naming a layer that cannot be adapted
   * @throws {WeightError} if the adapter to start from is another model's
   */
  constructor(backend: Backend, { model, weights, start }: LoraTrainingOptions) {
    this.#backend = backend;
    if (!("seed" in start)) checkLora(start, planParameters(model).storages);
    const { rank, alpha, layers } = "seed" in start ? drawAdapter(model, start) : start;
    this.options = { rank, alpha, layers: [...layers.keys()] };
    this.model = adaptModel(model, this.options);
    const own = new Map<string, Storage>();
    const { storages } = planParameters(this.model);
    for (const [layer, { a, b }] of layers) {
      const names = loraNames(layer);
      for (const [name, tensor] of [[names.a, a], [names.b, b]] as const) {
        const storage = backend.alloc(storages.get(name)!);
        backend.write(storage, tensor.toFloat32());
        own.set(name, storage);
      }
    }
    this.trainable = new Set(own.keys());
    this.weights = new Map([...weights, ...own]);
  }

  /** The adapter as it is now, or as other storages have it, for instance averages. */
  async read(storages: Storages = this.weights): Promise<LoraAdapter> {
    const { rank, alpha, layers } = this.options;
    const now = async (name: string): Promise<SourceTensor> => {
      const storage = storages.get(name)!;
      const values = Float32Array.from(await this.#backend.read(storage));
      return { shape: storage.spec.shape, toFloat32: () => values };
    };
    const read = new Map<string, { readonly a: SourceTensor; readonly b: SourceTensor }>();
    for (const layer of layers) {
      const { a, b } = loraNames(layer);
      read.set(layer, { a: await now(a), b: await now(b) });
    }
    return { rank, alpha, layers: read };
  }

  /** Frees the adapter; the base stays. */
  [Symbol.dispose](): void {
    for (const name of this.trainable) this.#backend.free(this.weights.get(name)!);
  }
}

function drawAdapter(model: VisionLanguageModel, { rank, alpha, layers, seed }: NewLora): LoraAdapter {
  const { storages } = planParameters(adaptModel(model, { rank, alpha, layers }));
  return {
    rank,
    alpha,
    layers: new Map(layers.map((layer) => {
      const { a, b } = loraNames(layer);
      const [A, B] = [storages.get(a)!, storages.get(b)!];
      return [layer, {
        a: { shape: A.shape, toFloat32: () => gaussian(elementCount(A.shape), nameSeed(a, seed)) },
        b: { shape: B.shape, toFloat32: () => new Float32Array(elementCount(B.shape)) },
      }];
    })),
  };
}

/** Numbers with a mean of 0 and a standard deviation of 0.02 (Box and Muller 1958). */
function gaussian(count: number, stream: number): Float32Array {
  return Float32Array.from({ length: count }, (_, i) => {
    const radius = Math.sqrt(-2 * Math.log(1 - uniform(stream, 2 * i)));
    return 0.02 * radius * Math.cos(2 * Math.PI * uniform(stream, 2 * i + 1));
  });
}
