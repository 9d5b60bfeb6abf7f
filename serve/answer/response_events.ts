/**
 * An answer as the Responses API tells it: items of output, and the events by which they grow.
 *
 * @module
 */
import type { ToolCall } from "../../core/chat_events.ts";
import { newId } from "../serving.ts";
import { tokenLogprobs } from "./logprobs.ts";
import type { ThoughtEvent } from "./thoughts.ts";
import type { Finish } from "./usage.ts";

/** One event of a stream. */
export interface ResponseEvent {
  /** Its kind, such as `response.output_text.delta`. */
  readonly type: string;
  /** Its place in the stream, from 0. */
  readonly sequence_number: number;
  /** The response as it stands, where the event is about all of it. */
  readonly response?: object;
}

/** What makes a response of what there is of it. */
export type MakeResponse = (parts: {
  readonly status: "in_progress" | "completed" | "incomplete" | "failed";
  readonly output: readonly object[];
  readonly finish?: Finish | undefined;
  /** What the model thought. */
  readonly thought?: string | undefined;
  readonly error?: object | undefined;
}) => object;

/** A text that grows: of thoughts or of the answer. */
interface Growing {
  readonly kind: "reasoning" | "message";
  readonly id: string;
  text: string;
  readonly logprobs: object[];
}

/** Tells the events of one answer in order, and keeps its output. */
export class ResponseTeller {
  readonly #response: MakeResponse;
  readonly #output: object[] = [];
  #open: Growing | undefined;
  #thought = "";
  #count = 0;

  /** Takes what makes a response. */
  constructor(response: MakeResponse) {
    this.#response = response;
  }

  /** All events; the last one has the whole response. Throws what the answer throws. */
  async *tell(events: AsyncIterable<ThoughtEvent>): AsyncGenerator<ResponseEvent, void, void> {
    for await (const event of events) {
      yield* this.#begin();
      if (event.type === "text-delta") {
        const { text, thought = "", logprobs } = event;
        if (thought !== "") yield* this.#grow("reasoning", thought);
        if (text !== "" || logprobs !== undefined) yield* this.#grow("message", text, logprobs?.map(tokenLogprobs));
      } else if (event.type === "tool-call") {
        yield* this.#call(event.toolCall);
      } else {
        const status = event.reason === "length" ? "incomplete" : "completed";
        if (this.#output.length === 0 && this.#open === undefined) yield* this.#grow("message", "");
        yield* this.#close(status);
        const response = this.#response({ status, output: this.#output, finish: event, thought: this.#thought });
        yield this.#event(`response.${status}`, { response });
      }
    }
  }

  /** What ends a stream that has begun and cannot go on: the error, and the response that has failed. */
  fail(
    { message, code, param }: { message: string; code: string | number | null; param: string | null },
  ): ResponseEvent[] {
    const told = { code: code === null ? "server_error" : String(code), message };
    const response = this.#response({ status: "failed", output: this.#output, error: told });
    return [...this.#begin(), this.#event("error", { ...told, param }), this.#event("response.failed", { response })];
  }

  /** What a stream begins with, once. */
  *#begin(): Generator<ResponseEvent> {
    if (this.#count > 0) return;
    const response = this.#response({ status: "in_progress", output: [] });
    yield this.#event("response.created", { response });
    yield this.#event("response.in_progress", { response });
  }

  /** Adds to the text that grows; another one is ended before. */
  *#grow(kind: Growing["kind"], delta: string, logprobs: readonly object[] = []): Generator<ResponseEvent> {
    if (this.#open !== undefined && this.#open.kind !== kind) yield* this.#close("completed");
    if (this.#open === undefined) {
      const open: Growing = { kind, id: newId(kind === "message" ? "msg_" : "rs_"), text: "", logprobs: [] };
      this.#open = open;
      yield this.#at("response.output_item.added", { item: itemOf({ ...open, content: [] }, "in_progress") });
      yield this.#in("response.content_part.added", { part: partOf(open) });
    }
    const open = this.#open;
    open.text += delta;
    open.logprobs.push(...logprobs);
    if (kind === "reasoning") {
      this.#thought += delta;
      yield this.#in("response.reasoning_text.delta", { delta });
    } else yield this.#in("response.output_text.delta", { delta, logprobs });
  }

  /** Ends the text that grows. */
  *#close(status: "completed" | "incomplete"): Generator<ResponseEvent> {
    const open = this.#open;
    if (open === undefined) return;
    const { text, logprobs } = open;
    const part = partOf(open);
    if (open.kind === "reasoning") yield this.#in("response.reasoning_text.done", { text });
    else yield this.#in("response.output_text.done", { text, logprobs });
    yield this.#in("response.content_part.done", { part });
    const item = itemOf({ ...open, content: [part] }, status);
    yield this.#at("response.output_item.done", { item });
    this.#output.push(item);
    this.#open = undefined;
  }

  /** A call comes as a whole. */
  *#call({ id: call_id, name, arguments: given }: ToolCall): Generator<ResponseEvent> {
    yield* this.#close("completed");
    const item = { id: newId("fc_"), type: "function_call", call_id, name };
    const item_id = item.id;
    yield this.#at("response.output_item.added", { item: { ...item, arguments: "", status: "in_progress" } });
    yield this.#at("response.function_call_arguments.delta", { item_id, delta: given });
    yield this.#at("response.function_call_arguments.done", { item_id, name, arguments: given });
    const done = { ...item, arguments: given, status: "completed" };
    yield this.#at("response.output_item.done", { item: done });
    this.#output.push(done);
  }

  /** An event about the part that grows. */
  #in(type: string, fields: object): ResponseEvent {
    return this.#at(type, { item_id: this.#open!.id, content_index: 0, ...fields });
  }

  /** An event about the item that comes next in the output. */
  #at(type: string, fields: object): ResponseEvent {
    return this.#event(type, { output_index: this.#output.length, ...fields });
  }

  #event(type: string, fields: object): ResponseEvent {
    return { type, sequence_number: this.#count++, ...fields };
  }
}

function partOf({ kind, text, logprobs }: Pick<Growing, "kind" | "text" | "logprobs">): object {
  if (kind === "reasoning") return { type: "reasoning_text", text };
  return { type: "output_text", text, annotations: [], logprobs: [...logprobs] };
}

function itemOf(
  { kind, id, content }: Pick<Growing, "kind" | "id"> & { readonly content: readonly object[] },
  status: string,
) {
  if (kind === "reasoning") return { id, type: "reasoning", summary: [], content, status };
  return { id, type: "message", role: "assistant", content, status };
}
