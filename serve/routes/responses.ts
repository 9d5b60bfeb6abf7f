/**
 * `POST /v1/responses`, OpenAI's Responses API. Nothing is kept: a conversation comes as input each time.
 *
 * @module
 */
import { type MakeResponse, type ResponseEvent, ResponseTeller } from "../answer/response_events.ts";
import { chatWithThoughts } from "../answer/thoughts.ts";
import { apiUsage } from "../answer/usage.ts";
import { toApiError } from "../api_error.ts";
import type { Handler } from "../hono.ts";
import { readImages } from "../request/images.ts";
import { readResponsesRequest } from "../request/responses.ts";
import { bodyOf, clientOf, newId, now, sendEvents, type Serving } from "../serving.ts";

/** What fields are called here that errors name. */
const fieldNames = { messages: "input", responseFormat: "text.format" };

/** Answers a conversation. */
export function responsesRoute(serving: Serving): Handler {
  const { engine, options } = serving;
  return async ({ req: { raw } }) => {
    const body = await bodyOf(raw, serving);
    const slot = engine.findFree(body.text("model"));
    const { tokenizer } = slot.model.parts;
    const request = readResponsesRequest(body, tokenizer.vocabulary);
    const client = clientOf(raw);
    const images = await readImages(request.messages.images, { rules: options, signal: client.signal });
    const messages = request.messages.withImages(images);
    const events = engine.answer({
      slot,
      signal: client.signal,
      start: (model, signal) => chatWithThoughts(model, messages, { ...request.options, signal }),
    });
    const head = { id: newId("resp_"), object: "response", created_at: now(), model: slot.name, ...request.echo };
    const response: MakeResponse = ({ status, output, finish, thought = "", error = null }) => ({
      ...head,
      status,
      error,
      incomplete_details: status === "incomplete" ? { reason: "max_output_tokens" } : null,
      output: [...output],
      usage: finish === undefined ? null : usageOf(apiUsage([finish]), [...tokenizer.encode(thought)].length),
    });
    const teller = new ResponseTeller(response);
    const told = teller.tell(events);
    try {
      if (request.stream) {
        const failure = (error: unknown) =>
          teller.fail(toApiError(error, fieldNames).body.error).map(sseEvent).join("");
        return await sendEvents(texts(told), { client, options, failure });
      }
      let whole: ResponseEvent | undefined;
      for await (const event of told) whole = event;
      return Response.json(whole!.response);
    } catch (error) {
      throw toApiError(error, fieldNames);
    }
  };
}

async function* texts(events: AsyncIterable<ResponseEvent>): AsyncGenerator<string> {
  for await (const event of events) yield sseEvent(event);
}

function sseEvent(event: ResponseEvent): string {
  return `event: ${event.type}\ndata: ${JSON.stringify(event)}\n\n`;
}

/** The same counts by other names; thoughts count as the tokenizer cuts them. */
function usageOf(usage: ReturnType<typeof apiUsage>, reasoning: number): object {
  const { prompt_tokens, completion_tokens, total_tokens, prompt_tokens_details } = usage;
  return {
    input_tokens: prompt_tokens,
    input_tokens_details: prompt_tokens_details,
    output_tokens: completion_tokens,
    output_tokens_details: { reasoning_tokens: reasoning },
    total_tokens,
  };
}
