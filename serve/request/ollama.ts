/**
 * Requests in Ollama's form.
 *
 * @module
 */
import type { ChatOptions, Json, Message, ResponseFormat, Role } from "../../core/chat_events.ts";
import type { ServedModel } from "../../core/server.ts";
import { chatWithThoughts, type ThoughtEvent } from "../answer/thoughts.ts";
import { Body } from "./body.ts";
import { readTools } from "./format.ts";
import type { ImageReference } from "./images.ts";
import { readStop, seedOf } from "./sampling.ts";

/** What an answer is begun with. */
export interface OllamaStart {
  /** The request's images, in order. */
  readonly images: readonly Blob[];
  /** Ends the answer. */
  readonly signal: AbortSignal;
}

/** A request. */
export interface OllamaRequest {
  /** Whether the answer comes piece by piece. */
  readonly stream: boolean;
  /** Its images. */
  readonly images: readonly ImageReference[];
  /** Answers it. */
  answer(model: ServedModel, start: OllamaStart): AsyncIterable<ThoughtEvent>;
}

/**
 * Reads a request to `/api/chat`.
 *
 * @throws {ApiError} naming the field that is wrong or not to be had
 */
export function readOllamaChat(body: Body): OllamaRequest {
  const list = body.list("messages");
  if (list === undefined || list.length === 0) throw body.error("messages", "there are none");
  const images: ImageReference[] = [];
  const drafts = list.map((value, i) => {
    const fields = new Body(value, `messages[${i}]`);
    const role = fields.choice("role", ["system", "user", "assistant", "tool"]);
    if (role === undefined) throw fields.error("role", "it is missing");
    const content = fields.text("content") ?? "";
    const thoughts = role === "assistant" ? fields.text("thinking") : undefined;
    const from = images.length;
    images.push(...readBase64(fields));
    const toolCalls = readCalls(fields);
    for (const key of ["tool_name", "tool_call_id"]) if (role === "tool") fields.text(key);
    fields.end();
    return { role, content, thoughts, toolCalls, from, to: images.length };
  });
  const { tools } = readTools(body);
  const options = { ...readCommon(body), tools };
  const stream = body.boolean("stream") ?? true;
  body.end();
  return {
    stream,
    images,
    answer: (model, { images: files, signal }) => {
      const messages = drafts.map(({ role, content, thoughts, toolCalls, from, to }) => ({
        ...messageOf(role, content, files.slice(from, to)),
        thoughts,
        toolCalls,
      }));
      return chatWithThoughts(model, messages, { ...options, signal });
    },
  };
}

/**
 * Reads a request to `/api/generate`: one message, or with `raw` a text that stands as it is.
 *
 * @throws {ApiError} naming the field that is wrong or not to be had
 */
export function readOllamaGenerate(body: Body): OllamaRequest {
  const prompt = body.text("prompt") ?? "";
  const system = body.text("system");
  const raw = body.boolean("raw") ?? false;
  const images = readBase64(body);
  for (const key of ["suffix", "template"]) body.only(key, "");
  body.only("context", "empty");
  const options = readCommon(body);
  const stream = body.boolean("stream") ?? true;
  body.end();
  if (raw && (images.length > 0 || system !== undefined)) throw body.error("raw", "it goes with a prompt alone");
  return {
    stream,
    images,
    answer: (model, { images: files, signal }) => {
      if (raw) return model.complete(prompt, { ...options, signal });
      const before: Message[] = system === undefined ? [] : [{ role: "system", content: system }];
      return chatWithThoughts(model, [...before, messageOf("user", prompt, files)], { ...options, signal });
    },
  };
}

/** Images come before what is said about them. */
function messageOf(role: Role, text: string, images: readonly Blob[]): Message {
  if (images.length === 0) return { role, content: text };
  return { role, content: [...images.map((image) => ({ type: "image", image }) as const), { type: "text", text }] };
}

function readBase64(fields: Body): ImageReference[] {
  return (fields.list("images") ?? []).map((text, i) => {
    const place = `${fields.place("images")}[${i}]`;
    if (typeof text !== "string") throw fields.error("images", "it is no list of base64");
    return { text, place };
  });
}

function readCalls(fields: Body): Message["toolCalls"] {
  return fields.list("tool_calls")?.map((value, i) => {
    const call = new Body(value, `${fields.place("tool_calls")}[${i}]`);
    const [id = "", made] = [call.text("id"), call.object("function")];
    call.only("type", "function");
    const [name, given] = [made?.text("name"), made?.raw("arguments")];
    made?.raw("index");
    made?.end();
    call.end();
    if (name === undefined) throw call.error("function", "it has no name");
    return { id, name, arguments: JSON.stringify(given ?? {}) };
  });
}

/** What both have: how to answer, and what steers Ollama's own keeping of models. */
function readCommon(body: Body): ChatOptions {
  body.raw("keep_alive"); // models stay as long as the server does
  const openThinking = body.boolean("think");
  body.only("logprobs", false);
  body.only("top_logprobs", 0);
  return { ...readOptions(body.object("options")), responseFormat: readFormat(body), openThinking };
}

function readFormat(body: Body): ResponseFormat | undefined {
  const format = body.raw("format");
  if (format === undefined || format === "") return undefined;
  if (format === "json") return { type: "json_object" };
  if (typeof format !== "object") throw body.error("format", 'it is neither "json" nor a JSON schema');
  return { type: "json_schema", schema: format as Json };
}

/** Options that change nothing here: how Ollama spreads its work, and filters at the value that is none. */
const neutral: Readonly<Record<string, readonly (number | boolean)[]>> = {
  typical_p: [1],
  tfs_z: [1],
  mirostat: [0],
  repeat_last_n: [-1],
  penalize_newline: [true],
};
const placement = ["num_ctx", "num_batch", "num_gpu", "main_gpu", "num_thread", "use_mmap", "num_keep", "numa"];

function readOptions(options: Body | undefined): ChatOptions {
  if (options === undefined) return { seed: seedOf(undefined) };
  for (const [key, values] of Object.entries(neutral)) options.only(key, ...values);
  for (const key of placement) options.raw(key);
  const most = options.number("num_predict", { min: -2, whole: true });
  const topP = options.number("top_p", { min: 0, max: 1 });
  const read: ChatOptions = {
    maxNewTokens: most === undefined ? undefined : most > 0 ? most : Number.MAX_SAFE_INTEGER,
    temperature: options.number("temperature", { min: 0, max: 2 }),
    topK: options.number("top_k", { min: 0, whole: true }),
    topP: topP === undefined ? undefined : Math.max(topP, 1e-6),
    minP: options.number("min_p", { min: 0, max: 1 }),
    repetitionPenalty: options.number("repeat_penalty", { min: 0.01, max: 100 }),
    presencePenalty: options.number("presence_penalty", { min: -2, max: 2 }),
    frequencyPenalty: options.number("frequency_penalty", { min: -2, max: 2 }),
    seed: seedOf(options.number("seed", { whole: true })),
    stop: readStop(options),
  };
  options.end();
  return read;
}
