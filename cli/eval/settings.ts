/**
 * What an evaluation is told.
 *
 * @module
 */
import { defaultLengthPenalty } from "../../core/beam_search.ts";
import type { ChatOptions } from "../../core/chat_events.ts";
import { count, type FlagValues } from "../flags.ts";
import { modelFlags } from "../model_flags.ts";
import { chatOptions, drawingFlags, samplingFlags } from "../sampling_flags.ts";

/** Flags of `eval`, for `parseFlags`. */
export const evalFlags = {
  images: {
    type: "string",
    value: "DIR",
    aliases: ["image-dir"],
    summary: "The folder that images are named in (default FILE's own)",
  },
  limit: { type: "number", value: "N", summary: "Takes only the first N lines of FILE" },
  output: { type: "string", value: "FILE", aliases: ["o"], summary: "Writes every answer to this file, one a line" },
  json: { type: "string", value: "FILE", summary: "Writes the result as JSON to this file; - is stdout" },
  "batch-size": {
    type: "number",
    value: "N",
    aliases: ["b", "parallel"],
    summary: "Answers at once, each with its beams (default 8)",
  },
  "image-score": {
    type: "number",
    value: "N",
    summary: "Lines at most whose loss beside a wrong image is measured (default 500, 0 for none)",
  },
  quiet: { type: "boolean", aliases: ["q"], summary: "Prints nothing but the result" },
  ...modelFlags,
  "ctx-size": { ...modelFlags["ctx-size"], summary: "Tokens of a question and its answer together (default 512)" },
  ...samplingFlags,
  "max-new-tokens": {
    ...samplingFlags["max-new-tokens"],
    summary: "Most tokens of an answer (default 64 for captions, 8 for questions)",
  },
  temperature: { ...samplingFlags.temperature, summary: "Draws answers, and so do the flags that follow" },
  beam: {
    ...samplingFlags.beam,
    summary: "Looks for the likeliest answer along N sequences (default 4 for captions, for questions 1: greedy)",
  },
  seed: { ...samplingFlags.seed, summary: "Start of what is drawn (default 0)" },
} as const;

/** Values of {@link evalFlags}. */
export type EvalFlagValues = FlagValues<typeof evalFlags>;

/** What is evaluated. */
export type EvalTask = "captions" | "questions";

/** An evaluation, complete. */
export interface EvalSettings {
  /** What is evaluated. */
  readonly task: EvalTask;
  /** File of records. */
  readonly file: string;
  /** Folder of images. */
  readonly images: string;
  /** Records at most. */
  readonly limit: number | undefined;
  /** Answers at once. */
  readonly batch: number;
  /** How answers are drawn or searched for. */
  readonly chat: ChatOptions & { readonly beams: number; readonly maxNewTokens: number };
  /** Records at most whose loss is measured. */
  readonly imageScore: number;
}

/** What differs between the tasks: beams, and tokens of an answer. */
const defaults = { captions: { beams: 4, maxNewTokens: 64 }, questions: { beams: 1, maxNewTokens: 8 } } as const;

/**
 * Puts an evaluation together. Without a word about it captions are searched for along 4 beams, and answers to questions
 * are the likeliest token each time; with one of the flags that draw they are drawn, seed 0 unless another is given.
 *
 * @throws {TypeError} if a number is out of range, or flags contradict each other
 * @throws {RangeError} if a setting of the sampler is out of range
 */
export function readSettings(
  flags: EvalFlagValues,
  { task, file }: { readonly task: EvalTask; readonly file: string },
): EvalSettings {
  const own = defaults[task];
  const draws = drawingFlags.some((name) => flags[name] !== undefined);
  const beams = flags.beam ?? (draws ? 1 : own.beams);
  const imageScore = flags["image-score"] ?? 500;
  if (!Number.isInteger(imageScore) || imageScore < 0) {
    throw new TypeError(`Cannot read flag "--image-score": ${imageScore} is no count`);
  }
  const { maxNewTokens = own.maxNewTokens, seed = 0, ...given } = chatOptions({ ...flags, beam: beams });
  const { lengthPenalty = defaultLengthPenalty, ...drawn } = given;
  const how = beams > 1 ? { lengthPenalty } : draws ? { ...defined(drawn), seed } : { temperature: 0 };
  const { stop, openThinking, ignoreEos } = given;
  return {
    task,
    file,
    images: flags.images ?? /^(.*)[\\/][^\\/]*$/.exec(file)?.[1] ?? ".",
    limit: count(flags, "limit"),
    batch: count(flags, "batch-size") ?? 8,
    chat: { ...how, ...defined({ stop, openThinking, ignoreEos }), beams, maxNewTokens },
    imageScore,
  };
}

/** Options that are given; an undefined one must not hide a default. */
function defined<Options extends object>(options: Options): Options {
  return Object.fromEntries(Object.entries(options).filter(([, value]) => value !== undefined)) as Options;
}

/** How answers come about, in words. */
export function describeChat({ chat }: Pick<EvalSettings, "chat">): string {
  const { beams, lengthPenalty, maxNewTokens, temperature, seed } = chat;
  const most = `at most ${maxNewTokens} tokens`;
  if (beams > 1) return `beam search, ${beams} beams, length penalty ${lengthPenalty}, ${most}`;
  if (temperature === 0) return `greedy, ${most}`;
  return `drawn${temperature === undefined ? "" : ` at temperature ${temperature}`}, seed ${seed}, ${most}`;
}
