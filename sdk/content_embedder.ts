/**
 * What a model makes of texts and images, as numbers. It is loaded for the first content that is to be embedded.
 *
 * @module
 */
import type { ChatPart, ContentEmbedding, ImageSource } from "../core/chat_events.ts";
import { ContextError } from "../core/errors.ts";
import { HiddenStates } from "../core/hidden_states.ts";
import type { ChatModelParts } from "./chat_model.ts";

/** Embeds content with a model's decoder. */
export class ContentEmbedder implements Disposable {
  readonly #parts: ChatModelParts;
  readonly #hidden: HiddenStates;

  /** Takes the model's parts. */
  constructor(parts: ChatModelParts) {
    const { backend, model, weights, context } = parts;
    this.#parts = parts;
    this.#hidden = new HiddenStates(backend, model, { weights, context });
  }

  /**
   * The mean of the decoder's last hidden states, of length 1. `embedImages` gives the embeddings of each image.
   *
   * @throws {ContextError} if there are more tokens than the context has
   * @throws {RangeError} if there are none
   */
  async embed(
    content: string | readonly ChatPart[],
    embedImages: (sources: readonly ImageSource[]) => Promise<Float32Array[]>,
  ): Promise<ContentEmbedding> {
    const { model, tokenizer, context } = this.#parts;
    const { marker, tokens: perImage } = model.placeholder;
    const images: ImageSource[] = [];
    const ids: number[] = [];
    const index: number[] = [];
    for (const part of typeof content === "string" ? [{ type: "text", text: content } as const] : content) {
      const added = part.type === "text"
        ? tokenizer.encode(part.text, { parseSpecial: false })
        : new Int32Array(perImage).fill(marker);
      const first = part.type === "text" ? undefined : (images.push(part.image) - 1) * perImage;
      added.forEach((id, i) => {
        ids.push(id);
        index.push(first === undefined ? -1 : first + i);
      });
    }
    if (ids.length > context) {
      throw new ContextError(`Cannot embed: the content takes ${ids.length} tokens, the context has ${context}`);
    }
    const embeddings = await embedImages(images);
    const values = await this.#hidden.mean({ ids, images: embeddings, index: Int32Array.from(index) });
    return { values, tokens: ids.length };
  }

  /** Frees the program. */
  [Symbol.dispose](): void {
    this.#hidden[Symbol.dispose]();
  }
}
