/**
 * `POST /v1/chat/completions`.
 *
 * @module
 */
import type { Handler } from "hono";
import type { ChatEvent } from "../../core/chat_events.ts";
import { apiTimings, apiUsage, type Finish } from "../answer/usage.ts";
import { readChatRequest } from "../request/chat.ts";
import { readImages } from "../request/images.ts";
import { bodyOf, clientOf, newId, now, sendEvents, type Serving, sseData } from "../serving.ts";

/** Answers a conversation. */
export function chatRoute(serving: Serving): Handler {
  const { engine, options } = serving;
  return async ({ req: { raw } }) => {
    const body = await bodyOf(raw, serving);
    const slot = engine.find(body.text("model"));
    const request = readChatRequest(body);
    const client = clientOf(raw);
    const images = await readImages(request.messages.images, { rules: options, signal: client.signal });
    const messages = request.messages.withImages(images);
    const events = engine.answer({
      slot,
      signal: client.signal,
      start: (signal) => slot.model.chat(messages, { ...request.options, signal }),
    });
    const head = { id: newId("chatcmpl"), created: now(), model: slot.name };
    if (request.stream) return await sendEvents(chunks(events, { ...head, ...request }), { client, options });
    for await (const event of events) if (event.type === "finish") return Response.json(completion(event, head));
    throw new Error("an answer without an end");
  };
}

/** What all chunks of an answer have in common. */
interface Head {
  readonly id: string;
  readonly created: number;
  readonly model: string;
}

function completion(finish: Finish, { id, created, model }: Head) {
  return {
    id,
    object: "chat.completion",
    created,
    model,
    choices: [{
      index: 0,
      message: { role: "assistant", content: finish.text, refusal: null },
      logprobs: null,
      finish_reason: finish.reason,
    }],
    usage: apiUsage([finish.usage]),
    timings: apiTimings(finish),
  };
}

/** The role, the pieces, the end, on demand the usage, and the word that it is over. */
async function* chunks(
  events: AsyncIterable<ChatEvent>,
  { id, created, model, includeUsage }: Head & { readonly includeUsage: boolean },
): AsyncGenerator<string> {
  const chunk = (
    fields: { readonly choices: readonly unknown[]; readonly usage?: unknown; readonly timings?: unknown },
  ) => sseData({ id, object: "chat.completion.chunk", created, model, ...includeUsage && { usage: null }, ...fields });
  const choice = (delta: object, reason: string | null = null) => [{
    index: 0,
    delta,
    logprobs: null,
    finish_reason: reason,
  }];
  let begun = false;
  for await (const event of events) {
    if (!begun) yield chunk({ choices: choice({ role: "assistant", content: "" }) });
    begun = true;
    if (event.type === "text-delta") yield chunk({ choices: choice({ content: event.text }) });
    else {
      yield chunk({ choices: choice({}, event.reason), timings: apiTimings(event) });
      if (includeUsage) yield chunk({ choices: [], usage: apiUsage([event.usage]) });
    }
  }
  yield sseData("[DONE]");
}
