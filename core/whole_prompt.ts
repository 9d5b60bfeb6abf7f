/**
 * Prompts in one run each, without a KV cache. Programs are planned and loaded when first needed.
 *
 * @module
 */
import type { Backend, Program, Storage, Storages } from "./backend.ts";
import type { Plan } from "./graph/plan.ts";
import type { VisionLanguageModel } from "./model.ts";
import type { TokenList } from "./prompt_tokens.ts";
import { allocateMissing } from "./weights.ts";

/** Options of {@link WholePrompt}, and of what is made of one. */
export interface WholePromptOptions {
  /** The model's parameters on the backend, as `bindModel` gives them. */
  readonly weights: Storages;
  /** Most tokens of a prompt. */
  readonly context: number;
}

/** A run of a prompt. */
export interface WholeRun {
  /** What was run; tokens are padded behind the prompt. */
  readonly plan: Plan;
  /** The program, to read outputs from. */
  readonly program: Program;
}

/** Lengths that prompts are padded to; the padding comes last, where no token sees it. */
const lengths = [16, 64, 256, 1024];

/** Runs prompts through a plan with the inputs `ids`, `images` and `index` for so many tokens. */
export class WholePrompt implements Disposable {
  readonly #backend: Backend;
  readonly #model: VisionLanguageModel;
  readonly #options: WholePromptOptions;
  readonly #plan: (model: VisionLanguageModel, tokens: number) => Plan;
  readonly #storages: Map<string, Storage>;
  readonly #runs = new Map<number, WholeRun>();

  /** Takes where to compute, the model, and what to plan. */
  constructor(
    backend: Backend,
    model: VisionLanguageModel,
    options: WholePromptOptions & { readonly plan: (model: VisionLanguageModel, tokens: number) => Plan },
  ) {
    this.#backend = backend;
    this.#model = model;
    this.#options = options;
    this.#plan = options.plan;
    this.#storages = new Map(options.weights);
  }

  /**
   * Runs a prompt.
   *
   * @throws {RangeError} if it is longer than the context
   */
  run(prompt: TokenList): WholeRun {
    const { length } = prompt;
    const { context } = this.#options;
    if (length > context) throw new RangeError(`Cannot embed ${length} tokens: the context has ${context}`);
    const { width: D } = this.#model.decoder;
    const tokens = Math.min(context, lengths.find((each) => each >= length) ?? context);
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
    const run = this.#load(tokens);
    run.program.write("ids", ids);
    run.program.write("index", index);
    run.program.write("images", embeddings);
    run.program.run();
    return run;
  }

  /** Frees the programs; the shared weights stay. */
  [Symbol.dispose](): void {
    for (const { program } of this.#runs.values()) program[Symbol.dispose]();
    this.#runs.clear();
    for (const [name, storage] of this.#storages) {
      if (!this.#options.weights.has(name)) this.#backend.free(storage);
    }
  }

  #load(tokens: number): WholeRun {
    const known = this.#runs.get(tokens);
    if (known !== undefined) return known;
    const plan = this.#plan(this.#model, tokens);
    allocateMissing(this.#backend, plan, this.#storages);
    const run = { plan, program: this.#backend.load(plan, this.#storages) };
    this.#runs.set(tokens, run);
    return run;
  }
}
