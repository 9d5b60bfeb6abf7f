/**
 * `POST /v1/completions`: goes on with texts as they stand.
 *
 * @module
 */
import type { Handler } from "hono";
import type { ChatEvent } from "../../core/chat_events.ts";
import { merge } from "../answer/merge.ts";
import { apiTimings, apiUsage, type Finish } from "../answer/usage.ts";
import type { Body } from "../request/body.ts";
import { readDelivery } from "../request/chat.ts";
import { readSampling } from "../request/sampling.ts";
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
    const slot = engine.find(body.text("model"));
    const prompts = readPrompts(body, slot.model.parts.tokenizer.vocabulary);
    const sampling = readSampling(body);
    const echo = body.boolean("echo") ?? false;
    body.only("suffix", "");
    const { stream, includeUsage } = readDelivery(body);
    body.end();
    const client = clientOf(raw);
    const answers = prompts.map((prompt) =>
      engine.answer({
        slot,
        signal: client.signal,
        start: (signal) => slot.model.complete(prompt, { ...sampling, signal }),
      })
    );
    const before = prompts.map((prompt) => echo ? textOf(prompt, (ids) => slot.model.parts.tokenizer.decode(ids)) : "");
    const head = { id: newId("cmpl"), object: "text_completion", created: now(), model: slot.name };
    if (stream) return await sendEvents(chunks(answers, { head, before, includeUsage }), { client, options });
    try {
      const ends = await Promise.all(answers.map(endOf));
      return Response.json({
        ...head,
        choices: ends.map(({ text, reason }, index) => choice(index, before[index] + text, reason)),
        usage: apiUsage(ends.map(({ usage }) => usage)),
        ...ends.length === 1 && { timings: apiTimings(ends[0]!) },
      });
    } catch (error) {
      client.leave(); // the others' answers are not wanted without this one
      throw error;
    }
  };
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

function choice(index: number, text: string, reason: string | null) {
  return { index, text, logprobs: null, finish_reason: reason };
}

async function endOf(events: AsyncIterable<ChatEvent>): Promise<Finish> {
  for await (const event of events) if (event.type === "finish") return event;
  throw new Error("an answer without an end");
}

async function* chunks(
  answers: readonly AsyncIterable<ChatEvent>[],
  { head, before, includeUsage }: { head: object; before: readonly string[]; includeUsage: boolean },
): AsyncGenerator<string> {
  const usages: Finish["usage"][] = [];
  const chunk = (fields: object) => sseData({ ...head, ...includeUsage && { usage: null }, ...fields });
  for (const [index, text] of before.entries()) if (text !== "") yield chunk({ choices: [choice(index, text, null)] });
  for await (const [index, event] of merge(answers)) {
    if (event.type === "text-delta") yield chunk({ choices: [choice(index, event.text, null)] });
    else {
      usages.push(event.usage);
      yield chunk({ choices: [choice(index, "", event.reason)], timings: apiTimings(event) });
    }
  }
  if (includeUsage) yield chunk({ choices: [], usage: apiUsage(usages) });
  yield sseData("[DONE]");
}
