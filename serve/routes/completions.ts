/**
 * `POST /v1/completions`: goes on with texts as they stand.
 *
 * @module
 */
import type { ChatEvent, ChatOptions } from "../../core/chat_events.ts";
import { merge } from "../answer/merge.ts";
import { textLogprobs } from "../answer/logprobs.ts";
import { apiTimings, apiUsage, endsOf, type Finish } from "../answer/usage.ts";
import type { Body } from "../request/body.ts";
import { readDelivery } from "../request/chat.ts";
import { readSampling } from "../request/sampling.ts";
import type { Handler } from "../hono.ts";
import { bodyOf, clientOf, newId, now, sendEvents, type Serving, sseData } from "../serving.ts";

/** A text or its ids. */
type Prompt = string | readonly number[];

/** Most prompts of a request. */
const maxPrompts = 32;

/** Goes on with one or several texts, which share each step. */
export function completionsRoute(serving: Serving): Handler {
  const { engine, options } = serving;
  return async ({ req: { raw } }) => {
    const body = await bodyOf(raw, serving);
    const slot = engine.findFree(body.text("model"));
    const prompts = readPrompts(body, slot.model.parts.tokenizer.vocabulary);
    const sampling = { ...readSampling(body, slot.model.parts.tokenizer.vocabulary), ...readLogprobs(body) };
    const echo = body.boolean("echo") ?? false;
    body.only("suffix", "");
    const { stream, includeUsage } = readDelivery(body);
    body.end();
    const client = clientOf(raw);
    const answers = prompts.map((prompt) =>
      engine.answer({
        slot,
        signal: client.signal,
        start: (model, signal) => model.complete(prompt, { ...sampling, signal }),
      })
    );
    const before = prompts.map((prompt) => echo ? textOf(prompt, (ids) => slot.model.parts.tokenizer.decode(ids)) : "");
    const head = { id: newId("cmpl-"), object: "text_completion", created: now(), model: slot.name };
    const { n = 1 } = sampling;
    if (stream) return await sendEvents(chunks(answers, { head, before, n, includeUsage }), { client, options });
    try {
      const ends = (await Promise.all(answers.map(endsOf))).flat();
      return Response.json({
        ...head,
        choices: ends.map(({ text, reason, logprobs }, index) => {
          const start = before[Math.floor(index / n)]!;
          return choice(index, start + text, { reason, logprobs: textLogprobs(logprobs, start.length) });
        }),
        usage: apiUsage(ends),
        ...ends.length === 1 && { timings: apiTimings(ends[0]!) },
      });
    } catch (error) {
      client.leave(); // the others' answers are not wanted without this one
      throw error;
    }
  };
}

/** How many of the likeliest tokens to tell, at most 20. */
function readLogprobs(body: Body): Pick<ChatOptions, "logprobs" | "topLogprobs"> {
  const topLogprobs = body.number("logprobs", { min: 0, max: 20, whole: true });
  body.only("top_logprobs");
  return topLogprobs === undefined ? {} : { logprobs: true, topLogprobs };
}

function readPrompts(body: Body, vocabulary: number): readonly Prompt[] {
  const value = body.raw("prompt");
  const isId = (item: unknown): item is number =>
    Number.isInteger(item) && (item as number) >= 0 && (item as number) < vocabulary;
  const isPrompt = (item: unknown): item is Prompt =>
    item !== "" && (typeof item === "string" || Array.isArray(item) && item.length > 0 && item.every(isId));
  const prompts = isPrompt(value) ? [value] : value;
  if (!Array.isArray(prompts) || prompts.length === 0 || !prompts.every(isPrompt)) {
    throw body.error("prompt", "it is neither a text nor token ids, nor a list of those");
  }
  if (prompts.length > maxPrompts) throw body.error("prompt", `it has more than ${maxPrompts} texts`);
  return prompts;
}

function textOf(prompt: Prompt, decode: (ids: readonly number[]) => string): string {
  return typeof prompt === "string" ? prompt : decode(prompt);
}

function choice(
  index: number,
  text: string,
  { reason = null, logprobs = null }: { readonly reason?: string | null; readonly logprobs?: object | null } = {},
) {
  return { index, text, logprobs, finish_reason: reason };
}

/** What a stream of several answers to each of several texts is told. */
interface ChunkOptions {
  readonly head: object;
  readonly before: readonly string[];
  readonly n: number;
  readonly includeUsage: boolean;
}

async function* chunks(
  answers: readonly AsyncIterable<ChatEvent>[],
  { head, before, n, includeUsage }: ChunkOptions,
): AsyncGenerator<string> {
  const ends: Finish[] = [];
  const chunk = (fields: object) => sseData({ ...head, ...includeUsage && { usage: null }, ...fields });
  const lengths = before.flatMap((text) => Array.from({ length: n }, () => text.length));
  for (const [prompt, text] of before.entries()) {
    for (let i = 0; i < n && text !== ""; i++) yield chunk({ choices: [choice(prompt * n + i, text)] });
  }
  for await (const [prompt, event] of merge(answers)) {
    const index = prompt * n + event.index;
    if (event.type === "text-delta") {
      yield chunk({ choices: [choice(index, event.text, { logprobs: textLogprobs(event.logprobs, lengths[index]) })] });
      lengths[index]! += event.text.length;
    } else if (event.type === "finish") {
      ends.push(event);
      yield chunk({ choices: [choice(index, "", { reason: event.reason })], timings: apiTimings(event) });
    }
  }
  if (includeUsage) yield chunk({ choices: [], usage: apiUsage(ends) });
  yield sseData("[DONE]");
}
