/**
 * Images to embeddings: the encoder and the projector as one program.
 *
 * @module
 */
import type { Backend, Program, Storage, Storages } from "./backend.ts";
import { isGraphEncoder, type VisionEncoder } from "./encoder.ts";
import { ConfigError } from "./errors.ts";
import { planEncode } from "./model_plans.ts";
import type { VisionLanguageModel } from "./model.ts";
import { allocateMissing } from "./weights.ts";

/** Encodes images one at a time. Its program is planned and loaded at the first one. */
export class ImageEncoder implements Disposable {
  readonly #backend: Backend;
  readonly #model: VisionLanguageModel;
  readonly #weights: Storages;
  readonly #storages: Map<string, Storage>;
  readonly #encoder: VisionEncoder;
  #program: Program | undefined;

  /**
   * `weights` are the model's parameters on the backend, as `bindModel` gives them.
   *
   * @throws {ConfigError} if the model has no encoder
   */
  constructor(backend: Backend, model: VisionLanguageModel, { weights }: { readonly weights: Storages }) {
    if (model.encoder === undefined) throw new ConfigError("Cannot encode images: the model has no encoder");
    this.#encoder = model.encoder;
    this.#backend = backend;
    this.#model = model;
    this.#weights = weights;
    this.#storages = new Map(weights);
  }

  /** Pixels `[3,S,S]` → embeddings `[N,D]`, to be kept for any number of prompts. */
  async encode(pixels: Float32Array): Promise<Float32Array> {
    const program = this.#program ??= this.#load();
    if (isGraphEncoder(this.#encoder)) program.write("pixels", pixels);
    else program.write("features", await this.#encoder.run(pixels));
    program.run();
    return await program.read("embeddings") as Float32Array;
  }

  /** Frees the program; the shared weights stay. */
  [Symbol.dispose](): void {
    this.#program?.[Symbol.dispose]();
    this.#program = undefined;
    for (const [name, storage] of this.#storages) if (!this.#weights.has(name)) this.#backend.free(storage);
  }

  #load(): Program {
    const plan = planEncode(this.#model);
    allocateMissing(this.#backend, plan, this.#storages);
    return this.#backend.load(plan, this.#storages);
  }
}
