/**
 * The fields of a request that say how an answer is drawn, in every spelling that clients have.
 *
 * @module
 */
import type { ChatOptions } from "../../core/chat_events.ts";
import { Body } from "./body.ts";

/** Fields that change nothing at one value, and that value. */
const neutral: Readonly<Record<string, readonly (string | number | boolean | "empty")[]>> = {
  best_of: [1],
  typical_p: [1],
  repeat_last_n: [-1], // the whole of prompt and answer
  dry_multiplier: [0],
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
 * Reads them, for a model with so many ids.
 *
 * @throws {ApiError} naming the field that is wrong or not to be had
 */
export function readSampling(body: Body, vocabulary: number): ChatOptions {
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
    presencePenalty: body.number("presence_penalty", { min: -2, max: 2 }),
    frequencyPenalty: body.number("frequency_penalty", { min: -2, max: 2 }),
    noRepeatNgramSize: body.number("no_repeat_ngram_size", { min: 0, whole: true }),
    logitBias: readBias(body, vocabulary),
    minTokens: body.number("min_tokens", { min: 0, whole: true }),
    ignoreEos: body.boolean("ignore_eos"),
    n: body.number("n", { min: 1, max: maxAnswers, whole: true }),
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

/** Most answers to a prompt. */
const maxAnswers = 16;

/** Bias by id; OpenAI writes ids as the keys of an object. */
function readBias(body: Body, vocabulary: number): Record<number, number> | undefined {
  const fields = body.raw("logit_bias");
  if (fields === undefined) return undefined;
  const bias = new Body(fields, "logit_bias");
  return Object.fromEntries(
    Object.keys(fields as object).map((id) => {
      if (!/^\d{1,9}$/.test(id) || Number(id) >= vocabulary) {
        throw bias.error(id, `the vocabulary has ids from 0 to ${vocabulary - 1}`);
      }
      return [id, bias.number(id, { min: -100, max: 100 }) ?? 0];
    }),
  );
}

/** Most texts that end an answer. */
const maxStops = 16;

/** Texts that end an answer: one, or a list. */
export function readStop(body: Body): readonly string[] | undefined {
  const value = body.raw("stop");
  if (value === undefined) return undefined;
  const stops: unknown[] = [value].flat();
  if (!stops.every((stop): stop is string => typeof stop === "string" && stop !== "")) {
    throw body.error("stop", "it is neither a text nor a list of texts");
  }
  if (stops.length > maxStops) throw body.error("stop", `it has more than ${maxStops} texts`);
  return stops;
}
