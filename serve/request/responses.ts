/**
 * A request to OpenAI's Responses API.
 *
 * @module
 */
import type { ChatOptions } from "../../core/chat_events.ts";
import type { Body } from "./body.ts";
import { readEffort } from "./chat.ts";
import { readFlatFormat, readTools } from "./format.ts";
import type { MessagesDraft } from "./messages.ts";
import { readInput } from "./response_items.ts";
import { readSampling } from "./sampling.ts";

/** A request. */
export interface ResponsesRequest {
  /** What was said. */
  readonly messages: MessagesDraft;
  /** How to answer. */
  readonly options: ChatOptions;
  /** Whether the answer is told in events. */
  readonly stream: boolean;
  /** Fields that the response repeats as they came, or as they are by default. */
  readonly echo: Readonly<Record<string, unknown>>;
}

/** What asks for the log-probabilities of an answer's tokens. */
const logprobsField = "message.output_text.logprobs";

/**
 * Reads a request to a model with so many ids.
 *
 * @throws {ApiError} naming the field that is wrong or not to be had
 */
export function readResponsesRequest(body: Body, vocabulary: number): ResponsesRequest {
  if (body.text("previous_response_id") !== undefined) {
    throw body.error("previous_response_id", "answers are not kept here; send what was said as input");
  }
  const messages = readInput(body);
  const text = body.object("text");
  const responseFormat = text && readFlatFormat(text);
  text?.only("verbosity");
  text?.end();
  const tools = readTools(body, { flat: true });
  const calls = tools.toolChoice ?? "auto";
  if (responseFormat !== undefined && responseFormat.type !== "text" && calls !== "auto" && calls !== "none") {
    throw body.error("text.format", "the answer has to be a call of a tool");
  }
  const reasoning = body.object("reasoning");
  const openThinking = reasoning && readEffort(reasoning, "effort");
  for (const key of ["summary", "generate_summary", "context", "mode"]) reasoning?.only(key);
  reasoning?.end();
  const { maxNewTokens: _, ...sampling } = readSampling(body, vocabulary);
  for (const key of ["max_tokens", "max_completion_tokens"]) body.only(key); // it has another name here
  body.only("n", 1);
  const options: ChatOptions = {
    ...sampling,
    ...readLogprobs(body),
    ...tools,
    maxNewTokens: body.number("max_output_tokens", { min: 1, whole: true }),
    responseFormat,
    openThinking,
  };
  for (const key of ["conversation", "prompt", "moderation", "prompt_cache_options"]) body.only(key);
  body.only("context_management", "empty");
  body.only("background", false);
  body.only("truncation", "disabled");
  body.only("prompt_cache_retention", "in_memory");
  const stream = body.boolean("stream") ?? false;
  const streaming = body.object("stream_options");
  if (streaming !== undefined && !stream) throw body.error("stream_options", "it goes with stream alone");
  streaming?.only("include_obfuscation", false);
  streaming?.end();
  const echo = echoOf(body);
  body.end();
  return { messages, options, stream, echo };
}

/** Whether to tell how likely each token was, and how many of the likeliest, at most 20. */
function readLogprobs(body: Body): Pick<ChatOptions, "logprobs" | "topLogprobs"> {
  const include = body.list("include") ?? [];
  const odd = include.find((each) => each !== logprobsField);
  if (odd !== undefined) throw body.error("include", `${logprobsField} is all that can be included`);
  const topLogprobs = body.number("top_logprobs", { min: 0, max: 20, whole: true });
  if (include.length > 0) return { logprobs: true, topLogprobs };
  if (topLogprobs !== undefined && topLogprobs > 0) {
    throw body.error("top_logprobs", `it goes with ${logprobsField} in include alone`);
  }
  return {};
}

/** What OpenAI's responses repeat, whether it was given or not. */
function echoOf(body: Body): Readonly<Record<string, unknown>> {
  const given = (key: string, otherwise: unknown = null) => body.raw(key) ?? otherwise;
  return {
    background: false,
    instructions: given("instructions"),
    max_output_tokens: given("max_output_tokens"),
    metadata: {},
    parallel_tool_calls: given("parallel_tool_calls", true),
    previous_response_id: null,
    reasoning: { effort: null, summary: null, ...given("reasoning", {}) as object },
    service_tier: "default",
    store: false,
    temperature: given("temperature"),
    text: { format: { type: "text" }, ...given("text", {}) as object },
    tool_choice: given("tool_choice", "auto"),
    tools: given("tools", []),
    top_logprobs: given("top_logprobs", 0),
    top_p: given("top_p"),
    truncation: "disabled",
  };
}
