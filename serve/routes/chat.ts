/**
 * `POST /v1/chat/completions`.
 *
 * @module
 */
import type { ToolCall } from "../../core/chat_events.ts";
import { chatLogprobs } from "../answer/logprobs.ts";
import { chatWithThoughts, type ThoughtEvent } from "../answer/thoughts.ts";
import { apiTimings, apiUsage, endsOf, type Finish } from "../answer/usage.ts";
import { readChatRequest } from "../request/chat.ts";
import { readImages } from "../request/images.ts";
import type { Handler } from "../hono.ts";
import { bodyOf, clientOf, newId, now, sendEvents, type Serving, sseData } from "../serving.ts";

/** Answers a conversation. */
export function chatRoute(serving: Serving): Handler {
  const { engine, options } = serving;
  return async ({ req: { raw } }) => {
    const body = await bodyOf(raw, serving);
    const slot = engine.findFree(body.text("model"));
    const request = readChatRequest(body, slot.model.parts.tokenizer.vocabulary);
    const client = clientOf(raw);
    const images = await readImages(request.messages.images, { rules: options, signal: client.signal });
    const messages = request.messages.withImages(images);
    const events = engine.answer({
      slot,
      signal: client.signal,
      start: (model, signal) => chatWithThoughts(model, messages, { ...request.options, signal }),
    });
    const head = { id: newId("chatcmpl-"), created: now(), model: slot.name };
    if (request.stream) return await sendEvents(chunks(events, { ...head, ...request }), { client, options });
    return Response.json(completion(await endsOf(events), head));
  };
}

/** What all chunks of an answer have in common. */
interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

function completion(ends: readonly (Finish & Pick<ThoughtEvent, "thought">)[], { id, created, model }: Head) {
  return {
    id,
    object: "chat.completion",
    created,
    model,
    choices: ends.map(({ text, thought, reason, logprobs, toolCalls, imageAttention }, index) => ({
      index,
      message: {
        role: "assistant",
        content: text === "" && toolCalls !== undefined ? null : text,
        refusal: null,
        ...thought !== undefined && { reasoning_content: thought },
        ...toolCalls && { tool_calls: toolCalls.map(apiCall) },
      },
      logprobs: chatLogprobs(logprobs),
      finish_reason: reason,
      ...apiAttention(imageAttention),
    })),
    usage: apiUsage(ends),
    timings: apiTimings(ends[0]!),
  };
}

/** Where an answer looked, where that was asked for; a field of ours. */
function apiAttention(images: Finish["imageAttention"]) {
  return images && {
    image_attention: images.map(({ grid, fit, shares }) => ({ grid, fit, shares: Array.from(shares, rounded) })),
  };
}

/** Six digits are enough for a picture. */
function rounded(share: number): number {
  return Math.round(share * 1e6) / 1e6;
}

function apiCall({ id, name, arguments: given }: ToolCall) {
  return { id, type: "function", function: { name, arguments: given } };
}

/** What a chunk tells of an event. */
type ChoiceParts = Pick<Finish, "index" | "logprobs" | "imageAttention">;

/** Of each answer the role, the pieces, the end; on demand the usage; and the word that it is over. */
async function* chunks(
  events: AsyncIterable<ThoughtEvent>,
  { id, created, model, includeUsage }: Head & { readonly includeUsage: boolean },
): AsyncGenerator<string> {
  const chunk = (fields: object) =>
    sseData({ id, object: "chat.completion.chunk", created, model, ...includeUsage && { usage: null }, ...fields });
  const choice = (event: ChoiceParts, delta: object, reason: string | null = null) => {
    const logprobs = reason === null ? chatLogprobs(event.logprobs) : null;
    const attention = apiAttention(event.imageAttention);
    return { choices: [{ index: event.index, delta, logprobs, finish_reason: reason, ...attention }] };
  };
  /** Calls of each answer so far; an answer that is not in it has not begun. */
  const calls = new Map<number, number>();
  const ends: Finish[] = [];
  for await (const event of events) {
    const { index } = event;
    const called = calls.get(index);
    if (called === undefined) yield chunk(choice({ index }, { role: "assistant", content: "" }));
    calls.set(index, (called ?? 0) + Number(event.type === "tool-call"));
    if (event.type === "text-delta") {
      const { text, thought = "" } = event;
      const content = text !== "" || thought === "" ? { content: text } : {};
      yield chunk(choice(event, { ...thought !== "" && { reasoning_content: thought }, ...content }));
    } else if (event.type === "tool-call") {
      yield chunk(choice({ index }, { tool_calls: [{ index: called ?? 0, ...apiCall(event.toolCall) }] }));
    } else {
      ends.push(event);
      yield chunk({ ...choice(event, {}, event.reason), timings: apiTimings(event) });
    }
  }
  if (includeUsage) yield chunk({ choices: [], usage: apiUsage(ends) });
  yield sseData("[DONE]");
}
