/**
 * The fields of a request that say how an answer is drawn, in every spelling that clients have.
 *
 * @module
 */
import type { ChatOptions } from "../../core/chat_events.ts";
import type { Body } from "./body.ts";

/** Fields that change nothing at one value, and that value. */
const neutral: Readonly<Record<string, readonly (string | number | boolean | "empty")[]>> = {
  n: [1],
  best_of: [1],
  presence_penalty: [0],
  frequency_penalty: [0],
  logit_bias: ["empty"],
  logprobs: [false, 0],
  top_logprobs: [0],
  typical_p: [1],
  no_repeat_ngram_size: [0],
  repeat_last_n: [-1], // the whole of prompt and answer
  dry_multiplier: [0],
  ignore_eos: [false],
  cache_prompt: [true],
  return_tokens: [false],
  timings_per_token: [false],
  return_progress: [false],
  lora: ["empty"],
  store: [false],
  metadata: ["empty"],
  service_tier: ["auto", "default"],
  grammar: [""],
};

/** What 0 means: the likeliest token alone. */
const smallestTopP = 1e-6;

/** Names by which clients tell users and conversations apart; they change no answer. */
const identifiers = ["user", "safety_identifier", "prompt_cache_key"];

/**
 * Reads them.
 *
 * @throws {ApiError} naming the field that is wrong or not to be had
 */
export function readSampling(body: Body): ChatOptions {
  for (const [key, values] of Object.entries(neutral)) body.only(key, ...values);
  for (const key of identifiers) body.text(key);
  const maxNewTokens = either(body, ["max_completion_tokens", "max_tokens"], { min: 1, whole: true });
  const topK = body.number("top_k", { min: -1, whole: true });
  const topP = body.number("top_p", { min: 0, max: 1 });
  return {
    maxNewTokens,
    temperature: body.number("temperature", { min: 0, max: 2 }),
    topP: topP === undefined ? undefined : Math.max(topP, smallestTopP),
    topK: topK === undefined ? undefined : Math.max(0, topK),
    minP: body.number("min_p", { min: 0, max: 1 }),
    repetitionPenalty: either(body, ["repetition_penalty", "repeat_penalty"], { min: 0.01, max: 100 }),
    seed: seedOf(body.number("seed", { whole: true })),
    stop: readStop(body),
  };
}

/** A generator's start of 31 bits: another one each time unless one is given. */
export function seedOf(seed: number | undefined): number {
  if (seed === undefined || seed === -1) return crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1;
  const bits = 2 ** 31;
  return ((seed % bits) + bits) % bits;
}

/** A number that goes by two names. */
function either(
  body: Body,
  [first, second]: readonly [string, string],
  range: Parameters<Body["number"]>[1],
): number | undefined {
  const [a, b] = [body.number(first, range), body.number(second, range)];
  if (a !== undefined && b !== undefined && a !== b) throw body.error(second, `it is ${b}, but ${first} is ${a}`);
  return a ?? b;
}

/** Most texts that end an answer. */
const maxStops = 16;

function readStop(body: Body): readonly string[] | undefined {
  const value = body.raw("stop");
  if (value === undefined) return undefined;
  const stops: unknown[] = [value].flat();
  if (!stops.every((stop): stop is string => typeof stop === "string" && stop !== "")) {
    throw body.error("stop", "it is neither a text nor a list of texts");
  }
  if (stops.length > maxStops) throw body.error("stop", `it has more than ${maxStops} texts`);
  return stops;
}
