/**
 * A chat request in OpenAI's form.
 *
 * @module
 */
import type { ChatOptions } from "../../core/chat_events.ts";
import type { Body } from "./body.ts";
import { readFormat, readTools } from "./format.ts";
import { type MessagesDraft, readMessages } from "./messages.ts";
import { readSampling } from "./sampling.ts";

/** How an answer is sent. */
export interface Delivery {
  /** Whether piece by piece. */
  readonly stream: boolean;
  /** Whether the stream ends with a chunk that counts tokens. */
  readonly includeUsage: boolean;
}

/** A chat request. */
export interface ChatRequest extends Delivery {
  /** What was said. */
  readonly messages: MessagesDraft;
  /** How to answer. */
  readonly options: ChatOptions;
}

/**
 * Reads a request to a model with so many ids.
 *
 * @throws {ApiError} naming the field that is wrong or not to be had
 */
export function readChatRequest(body: Body, vocabulary: number): ChatRequest {
  const messages = readMessages(body);
  const responseFormat = readFormat(body);
  const tools = readTools(body);
  if (responseFormat !== undefined && responseFormat.type !== "text" && mustCall(tools)) {
    throw body.error("response_format", "the answer has to be a call of a tool");
  }
  const options: ChatOptions = {
    ...readSampling(body, vocabulary),
    ...readLogprobs(body),
    ...tools,
    responseFormat,
    openThinking: readThinking(body),
    imageAttention: readAttention(body, messages),
  };
  for (const key of ["functions", "audio", "prediction", "web_search_options", "verbosity"]) body.only(key, "empty");
  body.only("function_call", "none", "auto");
  const modalities = body.raw("modalities");
  if (modalities !== undefined && JSON.stringify(modalities) !== '["text"]') {
    throw body.error("modalities", 'answers are ["text"]');
  }
  const delivery = readDelivery(body);
  body.end();
  return { messages, options, ...delivery };
}

/** Whether to tell how likely each token was, and how many of the likeliest, at most 20. */
function readLogprobs(body: Body): Pick<ChatOptions, "logprobs" | "topLogprobs"> {
  const logprobs = body.boolean("logprobs") ?? false;
  const topLogprobs = body.number("top_logprobs", { min: 0, max: 20, whole: true });
  if (topLogprobs !== undefined && topLogprobs > 0 && !logprobs) {
    throw body.error("top_logprobs", "it goes with logprobs alone");
  }
  return logprobs ? { logprobs, topLogprobs } : {};
}

/** Whether to tell where in the images the answer looked; a field of ours. */
function readAttention(body: Body, { images }: MessagesDraft): boolean | undefined {
  const wanted = body.boolean("image_attention");
  if (wanted === true && images.length === 0) throw body.error("image_attention", "there are no images");
  return wanted;
}

function mustCall({ toolChoice = "auto" }: Pick<ChatOptions, "toolChoice">): boolean {
  return toolChoice !== "auto" && toolChoice !== "none";
}

/** Whether to stream, and what to end with. */
export function readDelivery(body: Body): Delivery {
  const stream = body.boolean("stream") ?? false;
  const options = body.object("stream_options");
  if (options !== undefined && !stream) throw body.error("stream_options", "it goes with stream alone");
  const includeUsage = options?.boolean("include_usage") ?? false;
  options?.only("include_obfuscation", false);
  options?.end();
  return { stream, includeUsage };
}

/** Whether the answer begins with thoughts: MiniMind's own words for it, and OpenAI's. */
export function readThinking(body: Body): boolean | undefined {
  const effort = readEffort(body, "reasoning_effort");
  const template = body.object("chat_template_kwargs");
  const open = template?.boolean("open_thinking") ?? template?.boolean("enable_thinking");
  template?.raw("enable_thinking");
  template?.end();
  return open ?? effort;
}

/** Whether OpenAI's word for the effort of reasoning asks for thoughts. */
export function readEffort(body: Body, key: string): boolean | undefined {
  const effort = body.choice(key, ["none", "minimal", "low", "medium", "high"]);
  return effort === undefined ? undefined : effort !== "none" && effort !== "minimal";
}
