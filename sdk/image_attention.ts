/**
 * Where in its images an answer looked. It is loaded for the first answer that is to tell.
 *
 * @module
 */
import { AttentionMaps } from "../core/attention_maps.ts";
import type { ImageAttention } from "../core/chat_events.ts";
import type { PromptOptions } from "../core/prompt_tokens.ts";
import type { ChatModelParts } from "./chat_model.ts";

/** Reads the attention of a model's answers. */
export class ImageAttentionReader implements Disposable {
  readonly #maps: AttentionMaps;
  readonly #side: number;
  readonly #fit: ImageAttention["fit"];

  /**
   * Takes the model's parts.
   *
   * @throws {RangeError} if the tokens of an image make no grid
   */
  constructor({ backend, model, weights, context, name, preprocessor }: ChatModelParts) {
    const { tokens } = model.placeholder;
    this.#side = Math.sqrt(tokens);
    if (!Number.isInteger(this.#side)) {
      throw new RangeError(
        `Cannot answer with imageAttention: the ${tokens} tokens of an image of "${name}" make no grid`,
      );
    }
    this.#fit = preprocessor?.crop === undefined ? "stretch" : "crop";
    this.#maps = new AttentionMaps(backend, model, { weights, context });
  }

  /** Where an answer to a prompt looked, for each of the prompt's images. */
  async read(prompt: PromptOptions, ids: readonly number[]): Promise<ImageAttention[]> {
    const maps = await this.#maps.read(prompt, ids);
    return maps.map((shares) => ({ grid: [this.#side, this.#side], fit: this.#fit, shares }));
  }

  /** Frees the program. */
  [Symbol.dispose](): void {
    this.#maps[Symbol.dispose]();
  }
}
