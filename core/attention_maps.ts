/**
 * Where the tokens of an answer look in the images of its prompt.
 *
 * @module
 */
import type { Backend } from "./backend.ts";
import { attentionCalls, planAttention } from "./model_plans.ts";
import type { VisionLanguageModel } from "./model.ts";
import { type PromptOptions, PromptTokens, textToken, type TokenList } from "./prompt_tokens.ts";
import { WholePrompt, type WholePromptOptions } from "./whole_prompt.ts";

/** Most tokens of an answer that are looked at, evenly spread over it: their mean changes little with more. */
const mostTokens = 64;

/** Reads attention: prompt and answer are run once more, without a cache. */
export class AttentionMaps implements Disposable {
  readonly #model: VisionLanguageModel;
  readonly #whole: WholePrompt;

  /** Takes where to compute, and the model. */
  constructor(backend: Backend, model: VisionLanguageModel, options: WholePromptOptions) {
    this.#model = model;
    this.#whole = new WholePrompt(backend, model, { ...options, plan: planAttention });
  }

  /**
   * The share of its attention that an answer gives to each embedding of each image, `[N]` an image: the softmax of
   * `q·k·scale` over all earlier tokens, in the mean over heads, blocks and the answer's tokens, those before each of them
   * is drawn. All shares of all images add up to 1 at most.
   *
   * @throws {RangeError} if prompt and answer are longer than the context, or have an id outside the vocabulary
   */
  async read(options: PromptOptions, answer: ArrayLike<number>): Promise<Float32Array[]> {
    const prompt = new PromptTokens(this.#model, options);
    const tokens: TokenList = {
      length: prompt.length + Math.max(0, answer.length - 1),
      at: (t) => t < prompt.length ? prompt.at(t) : textToken(answer[t - prompt.length]!),
    };
    const { plan, program } = this.#whole.run(tokens);
    const count = Math.min(mostTokens, Math.max(1, answer.length));
    const step = Math.max(1, answer.length) / count;
    const places = Array.from({ length: count }, (_, i) => prompt.length - 1 + Math.floor(i * step));
    const shares = new Float64Array(tokens.length); // [S]
    const calls = attentionCalls(plan);
    // Asked for at once, before anything is waited for: another answer may run the program meanwhile.
    const compared = await Promise.all(
      calls.map((_, i) => Promise.all([program.read(`q.${i}`), program.read(`k.${i}`)])),
    );
    for (const [i, { inputs, attributes: { scale } }] of calls.entries()) {
      const [q, k] = compared[i]!;
      const [H, C] = inputs.q.shape.slice(2) as [number, number];
      const G = inputs.k.shape[2]!;
      for (const place of places) {
        for (let h = 0; h < H; h++) {
          const query = q.subarray((place * H + h) * C, (place * H + h + 1) * C); // [C]
          const scores = new Float64Array(place + 1);
          for (let s = 0; s <= place; s++) {
            const from = (s * G + Math.floor(h * G / H)) * C;
            let dot = 0;
            for (let c = 0; c < C; c++) dot += query[c]! * k[from + c]!;
            scores[s] = dot * scale;
          }
          addSoftmax(shares, scores, 1 / (calls.length * places.length * H));
        }
      }
    }
    return imageShares(shares, prompt, this.#model.placeholder.tokens);
  }

  /** Frees the programs; the shared weights stay. */
  [Symbol.dispose](): void {
    this.#whole[Symbol.dispose]();
  }
}

/** Adds the softmax of scores, times a weight. */
function addSoftmax(shares: Float64Array, scores: Float64Array, weight: number): void {
  const largest = scores.reduce((most, score) => Math.max(most, score));
  const powers = scores.map((score) => Math.exp(score - largest));
  const sum = powers.reduce((all, power) => all + power);
  powers.forEach((power, s) => shares[s]! += power / sum * weight);
}

/** What each embedding `[N]` of each image has of the shares; an image begins with the first of its embeddings. */
function imageShares(shares: Float64Array, prompt: TokenList, tokens: number): Float32Array[] {
  const maps: Float32Array[] = [];
  for (let t = 0; t < prompt.length; t++) {
    const { image, row } = prompt.at(t);
    if (image === undefined) continue;
    if (row === 0) maps.push(new Float32Array(tokens));
    maps.at(-1)![row] = shares[t]!;
  }
  return maps;
}
