/**
 * What an answer took, as OpenAI and llama.cpp tell it.
 *
 * @module
 */
import type { ChatEvent, Timings, Usage } from "../../core/chat_events.ts";

/** The last event of an answer. */
export type Finish = Extract<ChatEvent, { type: "finish" }>;

/** OpenAI's `usage`. */
export interface ApiUsage {
  /** Tokens of the prompt, images included. */
  readonly prompt_tokens: number;
  /** Tokens of the answer. */
  readonly completion_tokens: number;
  /** Both. */
  readonly total_tokens: number;
  /** Of the prompt's tokens, those that were in the KV cache, and those that stand for images. */
  readonly prompt_tokens_details: { readonly cached_tokens: number; readonly image_tokens: number };
}

/** `usage` of answers, of which a prompt's first one has index 0: a prompt counts once, however many answers it has. */
export function apiUsage(all: readonly Pick<Finish, "index" | "usage">[]): ApiUsage {
  const sum = (key: keyof Usage, of = all) => of.reduce((total, { usage }) => total + usage[key], 0);
  const firsts = all.filter(({ index }) => index === 0);
  const [prompt, answers] = [sum("promptTokens", firsts), sum("completionTokens")];
  return {
    prompt_tokens: prompt,
    completion_tokens: answers,
    total_tokens: prompt + answers,
    prompt_tokens_details: { cached_tokens: sum("cachedTokens", firsts), image_tokens: sum("imageTokens", firsts) },
  };
}

/** The ends of all answers, by index. */
export async function endsOf<Event extends ChatEvent>(
  events: AsyncIterable<Event>,
): Promise<Extract<Event, { type: "finish" }>[]> {
  const ends: Extract<Event, { type: "finish" }>[] = [];
  const isEnd = (event: Event): event is Extract<Event, { type: "finish" }> => event.type === "finish";
  for await (const event of events) if (isEnd(event)) ends[event.index] = event;
  return ends;
}

/** llama.cpp's `timings`, and what images took. */
export function apiTimings(
  { usage, timings }: { readonly usage: Usage; readonly timings: Timings },
): Readonly<Record<string, number>> {
  const { imageMs, encodeMs, prefillMs, decodeMs } = timings;
  const promptTokens = usage.promptTokens - usage.cachedTokens;
  const after = Math.max(0, usage.completionTokens - 1);
  return {
    cache_n: usage.cachedTokens,
    prompt_n: promptTokens,
    prompt_ms: prefillMs,
    prompt_per_second: rate(promptTokens, prefillMs),
    predicted_n: usage.completionTokens,
    predicted_ms: decodeMs,
    predicted_per_second: rate(after, decodeMs),
    image_ms: imageMs,
    image_encode_ms: encodeMs,
  };
}

function rate(count: number, ms: number): number {
  return ms > 0 ? count / ms * 1000 : 0;
}
