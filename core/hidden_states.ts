/**
 * Prompts to the decoder's last hidden states: what a model makes of a text or an image, as numbers.
 *
 * @module
 */
import type { Backend } from "./backend.ts";
import { planHidden } from "./model_plans.ts";
import type { VisionLanguageModel } from "./model.ts";
import { type PromptOptions, PromptTokens } from "./prompt_tokens.ts";
import { WholePrompt, type WholePromptOptions } from "./whole_prompt.ts";

/** Options of {@link HiddenStates}. */
export type HiddenStatesOptions = WholePromptOptions;

/** Reads hidden states, one prompt at a time. */
export class HiddenStates implements Disposable {
  readonly #model: VisionLanguageModel;
  readonly #whole: WholePrompt;

  /** Takes where to compute, and the model. */
  constructor(backend: Backend, model: VisionLanguageModel, options: HiddenStatesOptions) {
    this.#model = model;
    this.#whole = new WholePrompt(backend, model, { ...options, plan: planHidden });
  }

  /**
   * The mean of a prompt's hidden states over its tokens, `[D]`, of length 1.
   *
   * @throws {RangeError} if the prompt is empty, longer than the context, or has an id outside the vocabulary
   */
  async mean(options: PromptOptions): Promise<Float32Array> {
    const prompt = new PromptTokens(this.#model, options);
    const { width: D } = this.#model.decoder;
    const hidden = await this.#whole.run(prompt).program.read("hidden") as Float32Array; // [1,T,D]
    const sum = new Float64Array(D);
    for (let i = 0; i < prompt.length * D; i++) sum[i % D]! += hidden[i]!;
    const norm = Math.hypot(...sum);
    return Float32Array.from(sum, (value) => norm > 0 ? value / norm : 0);
  }

  /** Frees the programs; the shared weights stay. */
  [Symbol.dispose](): void {
    this.#whole[Symbol.dispose]();
  }
}
