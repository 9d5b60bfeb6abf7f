/**
 * Prompts to the decoder's last hidden states: what a model makes of a text or an image, as numbers.
 *
 * @module
 */
import type { Backend, Program, Storage, Storages } from "./backend.ts";
import { planHidden } from "./model_plans.ts";
import type { VisionLanguageModel } from "./model.ts";
import { type PromptOptions, PromptTokens } from "./prompt_tokens.ts";
import { allocateMissing } from "./weights.ts";

/** Options of {@link HiddenStates}. */
export interface HiddenStatesOptions {
  /** The model's parameters on the backend, as `bindModel` gives them. */
  readonly weights: Storages;
  /** Most tokens of a prompt. */
  readonly context: number;
}

/** Lengths that prompts are padded to; the padding comes last, where no token sees it. */
const lengths = [16, 64, 256, 1024];

/** Reads hidden states, one prompt at a time. Programs are planned and loaded when first needed. */
export class HiddenStates implements Disposable {
  readonly #backend: Backend;
  readonly #model: VisionLanguageModel;
  readonly #options: HiddenStatesOptions;
  readonly #storages: Map<string, Storage>;
  readonly #programs = new Map<number, Program>();

  /** Takes where to compute, and the model. */
  constructor(backend: Backend, model: VisionLanguageModel, options: HiddenStatesOptions) {
    this.#backend = backend;
    this.#model = model;
    this.#options = options;
    this.#storages = new Map(options.weights);
  }

  /**
   * The mean of a prompt's hidden states over its tokens, `[D]`, of length 1.
   *
   * @throws {RangeError} if the prompt is empty, longer than the context, or has an id outside the vocabulary
   */
  async mean(options: PromptOptions): Promise<Float32Array> {
    const prompt = new PromptTokens(this.#model, options);
    const { length } = prompt;
    const { context } = this.#options;
    if (length > context) throw new RangeError(`Cannot embed ${length} tokens: the context has ${context}`);
    const { width: D } = this.#model.decoder;
    const tokens = Math.min(context, lengths.find((each) => each >= length) ?? context);
    const program = this.#program(tokens);
    const ids = new Int32Array(tokens); // [1,T]
    const index = new Int32Array(tokens).fill(-1); // [1,T]
    const embeddings = new Float32Array(tokens * D); // [T,D]
    for (let t = 0; t < length; t++) {
      const { id, image, row } = prompt.at(t);
      ids[t] = id;
      if (image === undefined) continue;
      embeddings.set(image.subarray(row * D, (row + 1) * D), t * D);
      index[t] = t;
    }
    program.write("ids", ids);
    program.write("index", index);
    program.write("images", embeddings);
    program.run();
    const hidden = await program.read("hidden") as Float32Array; // [1,T,D]
    const sum = new Float64Array(D);
    for (let i = 0; i < length * D; i++) sum[i % D]! += hidden[i]!;
    const norm = Math.hypot(...sum);
    return Float32Array.from(sum, (value) => norm > 0 ? value / norm : 0);
  }

  /** Frees the programs; the shared weights stay. */
  [Symbol.dispose](): void {
    for (const program of this.#programs.values()) program[Symbol.dispose]();
    this.#programs.clear();
    for (const [name, storage] of this.#storages) {
      if (!this.#options.weights.has(name)) this.#backend.free(storage);
    }
  }

  #program(tokens: number): Program {
    const known = this.#programs.get(tokens);
    if (known !== undefined) return known;
    const plan = planHidden(this.#model, tokens);
    allocateMissing(this.#backend, plan, this.#storages);
    const program = this.#backend.load(plan, this.#storages);
    this.#programs.set(tokens, program);
    return program;
  }
}
