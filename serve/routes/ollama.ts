/**
 * Ollama's API: `POST /api/chat`, `POST /api/generate`, `GET /api/tags`.
 *
 * @module
 */
import type { ToolCall } from "../../core/chat_events.ts";
import type { Slot } from "../answer/engine.ts";
import { streamResponse } from "../answer/stream.ts";
import type { ThoughtEvent } from "../answer/thoughts.ts";
import { endsOf, type Finish } from "../answer/usage.ts";
import { toApiError } from "../api_error.ts";
import type { App } from "../hono.ts";
import { readImages } from "../request/images.ts";
import { type OllamaRequest, readOllamaChat, readOllamaGenerate } from "../request/ollama.ts";
import { bodyOf, clientOf, type Serving } from "../serving.ts";

/** What the pieces of an answer hold: a message, or a text. */
type Shape = (piece: Piece) => object;

/** A piece of an answer. */
interface Piece {
  readonly text: string;
  readonly thought?: string | undefined;
  readonly calls?: readonly ToolCall[] | undefined;
}

const asMessage: Shape = ({ text, thought, calls }) => ({
  message: {
    role: "assistant",
    content: text,
    ...thought !== undefined && { thinking: thought },
    ...calls && {
      tool_calls: calls.map(({ name, arguments: given }) => ({ function: { name, arguments: JSON.parse(given) } })),
    },
  },
});
const asText: Shape = ({ text, thought }) => ({ response: text, ...thought !== undefined && { thinking: thought } });

/** Adds the routes. */
export function addOllamaRoutes(app: App, serving: Serving): void {
  const { engine } = serving;
  app.post("/api/chat", async ({ req: { raw } }) => {
    const body = await bodyOf(raw, serving);
    const slot = findTagged(serving, body.text("model"));
    return await answer(raw, { serving, slot, request: readOllamaChat(body), shape: asMessage });
  });
  app.post("/api/generate", async ({ req: { raw } }) => {
    const body = await bodyOf(raw, serving);
    const slot = findTagged(serving, body.text("model"));
    return await answer(raw, { serving, slot, request: readOllamaGenerate(body), shape: asText });
  });
  app.get("/api/tags", () => Response.json({ models: engine.slots.map(describe) }));
}

/** Ollama's clients add a tag to names. */
function findTagged({ engine }: Serving, name: string | undefined): Slot {
  return engine.findFree(engine.slots.some((slot) => slot.name === name) ? name : name?.replace(/:latest$/, ""));
}

function describe({ name, created, model }: Slot) {
  const { decoder } = model.parts.model;
  return {
    name,
    model: name,
    modified_at: new Date(created * 1000).toISOString(),
    details: { format: "safetensors", family: decoder.name, families: [decoder.name] },
  };
}

/** What {@link answer} needs. */
interface AnswerContext {
  readonly serving: Serving;
  readonly slot: Slot;
  readonly request: OllamaRequest;
  readonly shape: Shape;
}

async function answer(raw: Request, { serving, slot, request, shape }: AnswerContext): Promise<Response> {
  const { engine, options } = serving;
  const client = clientOf(raw);
  const start = performance.now();
  const images = await readImages(request.images, { rules: options, signal: client.signal });
  const events = engine.answer({
    slot,
    signal: client.signal,
    start: (model, signal) => request.answer(model, { images, signal }),
  });
  const line = (fields: object) => ({ model: slot.name, created_at: new Date().toISOString(), ...fields });
  const last = (finish: Finish) => ({ done: true, done_reason: doneReason(finish), ...figures(finish, start) });
  if (request.stream) {
    return await streamResponse(lines(events, { line, last, shape }), {
      type: "application/x-ndjson",
      onCancel: client.leave,
      failure: (error) => `${JSON.stringify({ error: toApiError(error).message })}\n`,
      pingMs: options.pingMs ?? 15_000,
    });
  }
  const [finish] = await endsOf(events);
  const { text, thought, toolCalls: calls } = finish!;
  return Response.json(line({ ...shape({ text, thought, calls }), ...last(finish!) }));
}

async function* lines(
  events: AsyncIterable<ThoughtEvent>,
  { line, last, shape }: { line(fields: object): object; last(finish: Finish): object; shape: Shape },
): AsyncGenerator<string> {
  for await (const event of events) {
    const fields = event.type === "text-delta"
      ? { ...shape({ text: event.text, thought: event.thought }), done: false }
      : event.type === "tool-call"
      ? { ...shape({ text: "", calls: [event.toolCall] }), done: false }
      : { ...shape({ text: "" }), ...last(event) };
    yield `${JSON.stringify(line(fields))}\n`;
  }
}

function doneReason({ reason }: Finish): string {
  return reason === "length" ? "length" : "stop";
}

/** Counts, and times in nanoseconds. */
function figures({ usage, timings }: Finish, start: number) {
  const ns = (ms: number) => Math.round(ms * 1e6);
  return {
    total_duration: ns(performance.now() - start),
    load_duration: 0,
    prompt_eval_count: usage.promptTokens,
    prompt_eval_duration: ns(timings.imageMs + timings.encodeMs + timings.prefillMs),
    eval_count: usage.completionTokens,
    eval_duration: ns(timings.decodeMs),
  };
}
