/**
 * One answer as events: ids to text, stop texts, tool calls, how likely each token was.
 *
 * @module
 */
import type { GeneratedToken } from "../core/answers.ts";
import type { GenerateOptions, TokenGenerator } from "../core/generate.ts";
import type { TokenLogprob } from "../core/logprobs.ts";
import { StreamingDecoder, type Tokenizer } from "../core/tokenizer.ts";
import type { ChatEvent, ImageAttention, LikelyToken, TokenLogprobs, ToolCall, Usage } from "../core/chat_events.ts";
import type { GrammarConstraint } from "../data/grammar/mod.ts";
import type { Clock } from "./clock.ts";
import { StopTexts } from "./stop_texts.ts";
import { type AnswerPart, ToolCallReader } from "./tool_calls.ts";

/** One answer wanted. */
export interface AnswerOptions {
  /** Which one of a chat's answers it is. */
  readonly index: number;
  /** The prompt and how ids are drawn. */
  readonly prompt: GenerateOptions;
  /** Ids to text. */
  readonly tokenizer: Tokenizer;
  /** Keeps the answer in a form, whole. */
  readonly form: GrammarConstraint | undefined;
  /** Texts that end the answer. */
  readonly stop: readonly string[];
  /** Whether it may call tools. */
  readonly callsTools: boolean;
  /** Tokens of the prompt. */
  readonly usage: Pick<Usage, "promptTokens" | "imageTokens">;
  /** Tells where in the images an answer of these ids looked. Default: it is not told. */
  readonly explain?: ((ids: readonly number[]) => Promise<readonly ImageAttention[]>) | undefined;
  /** What was measured so far. */
  readonly clock: Clock;
}

/** Draws an answer and tells it in events. */
export async function* streamAnswer(
  generator: TokenGenerator,
  { index, prompt, tokenizer, form, stop, callsTools, usage, explain, clock }: AnswerOptions,
): AsyncGenerator<ChatEvent, void, void> {
  const stops = new StopTexts(stop);
  const decoder = new StreamingDecoder(tokenizer);
  const likely = prompt.topLogprobs === undefined ? undefined : new TokensOfText(tokenizer);
  const reader = callsTools ? new ToolCallReader() : undefined;
  const toolCalls: ToolCall[] = [];
  const ids: number[] = [];
  let text = "", passed = 0, count = 0, ended = false, cachedTokens = 0;
  const onPrefill = ({ reused }: { readonly reused: number }) => {
    clock.mark("prefillMs");
    cachedTokens = reused;
  };
  /** Tells parts of the answer; tokens that begin before `end` of what was decoded belong to them. */
  const tell = (parts: readonly AnswerPart[], end: number): ChatEvent[] => {
    return parts.map((part): ChatEvent => {
      if ("toolCall" in part) {
        toolCalls.push(part.toolCall);
        return { type: "tool-call", index, toolCall: part.toolCall };
      }
      text += part.text;
      return { type: "text-delta", index, text: part.text, ...likely && { logprobs: likely.take(end) } };
    });
  };
  const read = (piece: string): AnswerPart[] => {
    passed += piece.length;
    return reader?.push(piece) ?? (piece === "" ? [] : [{ text: piece }]);
  };
  for await (const token of generator.tokens({ ...prompt, onPrefill })) {
    count++;
    ended = prompt.stopIds?.includes(token.id) === true;
    const decoded = decoder.push(token.id);
    if (!ended) likely?.push(token, decoded);
    if (!ended) ids.push(token.id);
    yield* tell(read(stops.push(decoded)), passed);
    if (stops.found) break;
  }
  const rest = [...read(stops.push(decoder.flush()) + stops.flush()), ...reader?.flush() ?? []];
  // Tokens of a stop text are no part of the answer; others without a text of their own are.
  const end = stops.found ? passed : Infinity;
  yield* tell(rest.length === 0 && likely?.hasUpTo(end) ? [{ text: "" }] : rest, end);
  clock.mark("decodeMs");
  const whole = form === undefined ? ended || stops.found : !form.shortened;
  yield {
    type: "finish",
    index,
    reason: toolCalls.length > 0 ? "tool_calls" : whole ? "stop" : "length",
    text,
    ...toolCalls.length > 0 && { toolCalls },
    usage: { ...usage, cachedTokens, completionTokens: count },
    timings: clock.timings,
    ...likely && { logprobs: likely.taken },
    ...explain && { imageAttention: await explain(ids) },
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
