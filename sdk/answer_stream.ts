/**
 * One answer as events: ids to text, stop texts, how likely each token was.
 *
 * @module
 */
import type { GeneratedToken } from "../core/answers.ts";
import type { GenerateOptions, TokenGenerator } from "../core/generate.ts";
import type { TokenLogprob } from "../core/logprobs.ts";
import { StreamingDecoder, type Tokenizer } from "../core/tokenizer.ts";
import type { ChatEvent, LikelyToken, TokenLogprobs, Usage } from "../core/chat_events.ts";
import type { Clock } from "./clock.ts";
import { StopTexts } from "./stop_texts.ts";

/** One answer wanted. */
export interface AnswerOptions {
  /** Which one of a chat's answers it is. */
  readonly index: number;
  /** The prompt and how ids are drawn. */
  readonly prompt: GenerateOptions;
  /** Ids to text. */
  readonly tokenizer: Tokenizer;
  /** Texts that end the answer. */
  readonly stop: readonly string[];
  /** Tokens of the prompt. */
  readonly usage: Pick<Usage, "promptTokens" | "imageTokens">;
  /** What was measured so far. */
  readonly clock: Clock;
}

/** Draws an answer and tells it in events. */
export async function* streamAnswer(
  generator: TokenGenerator,
  { index, prompt, tokenizer, stop, usage, clock }: AnswerOptions,
): AsyncGenerator<ChatEvent, void, void> {
  const stops = new StopTexts(stop);
  const decoder = new StreamingDecoder(tokenizer);
  const likely = prompt.topLogprobs === undefined ? undefined : new TokensOfText(tokenizer);
  let text = "", count = 0, ended = false, cachedTokens = 0;
  const onPrefill = ({ reused }: { readonly reused: number }) => {
    clock.mark("prefillMs");
    cachedTokens = reused;
  };
  const delta = (piece: string, upTo = text.length + piece.length): ChatEvent => {
    text += piece;
    return { type: "text-delta", index, text: piece, ...likely && { logprobs: likely.take(upTo) } };
  };
  for await (const token of generator.tokens({ ...prompt, onPrefill })) {
    count++;
    ended = prompt.stopIds?.includes(token.id) === true;
    const decoded = decoder.push(token.id);
    if (!ended) likely?.push(token, decoded);
    const piece = stops.push(decoded);
    if (piece !== "") yield delta(piece);
    if (stops.found) break;
  }
  const rest = stops.push(decoder.flush()) + stops.flush();
  // Tokens of a stop text are no part of the answer; others without a text of their own are.
  const end = stops.found ? text.length + rest.length : Infinity;
  if (rest !== "" || likely?.hasUpTo(end)) yield delta(rest, end);
  clock.mark("decodeMs");
  yield {
    type: "finish",
    index,
    reason: ended || stops.found ? "stop" : "length",
    text,
    usage: { ...usage, cachedTokens, completionTokens: count },
    timings: clock.timings,
    ...likely && { logprobs: likely.taken },
  };
}

/** The tokens of a text and where in it each begins. */
class TokensOfText {
  /** Those that were taken. */
  readonly taken: TokenLogprobs[] = [];
  readonly #tokenizer: Tokenizer;
  readonly #waiting: { readonly start: number; readonly token: TokenLogprobs }[] = [];
  #length = 0;

  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /** Notes a token and the text that is complete with it. */
  push({ id, logprob = 0, topLogprobs = [] }: GeneratedToken, text: string): void {
    const token = { ...this.#likely({ id, logprob }), topLogprobs: topLogprobs.map((each) => this.#likely(each)) };
    this.#waiting.push({ start: this.#length, token });
    this.#length += text.length;
  }

  /** Whether a token that was not taken begins before that length of the text. */
  hasUpTo(length: number): boolean {
    return this.#waiting.some(({ start }) => start < length);
  }

  /** Takes the tokens that begin before that length of the text. */
  take(length: number): readonly TokenLogprobs[] {
    const after = this.#waiting.findIndex(({ start }) => start >= length);
    const tokens = this.#waiting.splice(0, after < 0 ? Infinity : after).map(({ token }) => token);
    this.taken.push(...tokens);
    return tokens;
  }

  #likely({ id, logprob }: TokenLogprob): LikelyToken {
    const bytes = id < this.#tokenizer.vocabulary ? this.#tokenizer.bytesOf(id) : new Uint8Array();
    return { id, token: new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes), bytes: [...bytes], logprob };
  }
}
