/**
 * The flags that say how answers are drawn, in every spelling that people know.
 *
 * @module
 */
import { samplingSettings } from "../core/sampling.ts";
import type { ChatOptions } from "../core/chat_events.ts";
import type { FlagValues } from "./flags.ts";

const number = { type: "number", value: "N" } as const;

/** Flags of commands that generate, for {@link parseFlags}. */
export const samplingFlags = {
  "max-new-tokens": { ...number, aliases: ["n", "n-predict", "max-tokens"], summary: "Most tokens of an answer" },
  temperature: { ...number, aliases: ["temp"], summary: "0 takes the likeliest token, 1 draws as the model says" },
  "top-k": { ...number, summary: "Draws from the N likeliest tokens, 0 from all" },
  "top-p": { ...number, summary: "Draws from the likeliest tokens that make up this share, 1 from all" },
  "min-p": { ...number, summary: "Leaves out tokens less likely than this share of the likeliest" },
  "repetition-penalty": { ...number, aliases: ["repeat-penalty"], summary: "Above 1 makes repetition less likely" },
  "presence-penalty": { ...number, summary: "Taken from what the answer has already, from -2 to 2" },
  "frequency-penalty": { ...number, summary: "The same, each time that the answer has it, from -2 to 2" },
  "no-repeat-ngram-size": { ...number, summary: "Lets no sequence of N tokens come twice in an answer" },
  beam: {
    ...number,
    aliases: ["beams", "num-beams"],
    summary: "Looks for the likeliest answer along N sequences instead of drawing (default 1: draws)",
  },
  "length-penalty": { ...number, summary: "How much a search with --beam favours long answers (default 0.5)" },
  seed: { ...number, aliases: ["s"], summary: "Makes answers repeatable (default another one each time)" },
  "ignore-eos": { type: "boolean", summary: "Lets no answer end before it is as long as it may be" },
  stop: { type: "list", value: "TEXT", summary: "Ends the answer before this text" },
  "open-thinking": { type: "switch", summary: "Lets the answer begin with thoughts, where the model knows of them" },
} as const;

/** Flags that ask to draw, which no search with --beam does. */
export const drawingFlags = [
  "temperature",
  "top-k",
  "top-p",
  "min-p",
  "repetition-penalty",
  "presence-penalty",
  "frequency-penalty",
  "no-repeat-ngram-size",
] as const satisfies readonly (keyof typeof samplingFlags)[];

/** Values of {@link samplingFlags}. */
export type SamplingFlagValues = FlagValues<typeof samplingFlags>;

/**
 * The options of a chat that flags ask for; what no flag says is undefined.
 *
 * @throws {RangeError} if a number is outside its range
 * @throws {TypeError} if they ask both to draw and to search
 */
export function chatOptions(flags: SamplingFlagValues): ChatOptions {
  const drawing = drawingFlags.find((name) => flags[name] !== undefined);
  if ((flags.beam ?? 1) > 1 && drawing !== undefined) {
    throw new TypeError(`Cannot use both --beam and --${drawing}: a beam search draws nothing`);
  }
  return checkOptions({
    beams: flags.beam,
    lengthPenalty: flags["length-penalty"],
    maxNewTokens: flags["max-new-tokens"],
    temperature: flags.temperature,
    topK: flags["top-k"],
    topP: flags["top-p"],
    minP: flags["min-p"],
    repetitionPenalty: flags["repetition-penalty"],
    presencePenalty: flags["presence-penalty"],
    frequencyPenalty: flags["frequency-penalty"],
    noRepeatNgramSize: flags["no-repeat-ngram-size"],
    seed: flags.seed,
    ignoreEos: flags["ignore-eos"] || undefined,
    stop: flags.stop.length === 0 ? undefined : flags.stop,
    openThinking: flags["open-thinking"] || undefined,
  });
}

/** Checks numbers before anything is loaded. @throws {RangeError} naming the one that is outside its range */
export function checkOptions(options: ChatOptions): ChatOptions {
  const { maxNewTokens = 1, seed = 0, beams = 1, lengthPenalty = 0 } = options;
  samplingSettings(options);
  if (!(Number.isInteger(beams) && beams > 0)) {
    throw new RangeError(`Cannot search with ${beams} beams: it must be a whole number above 0`);
  }
  if (!Number.isFinite(lengthPenalty)) {
    throw new RangeError(`Cannot search with lengthPenalty ${lengthPenalty}: it must be a finite number`);
  }
  if (!(Number.isInteger(maxNewTokens) && maxNewTokens > 0)) {
    throw new RangeError(`Cannot generate ${maxNewTokens} tokens: it must be a whole number above 0`);
  }
  if (!Number.isInteger(seed) || Math.abs(seed) >= 2 ** 31) {
    throw new RangeError(`Cannot draw with seed ${seed}: it must be a whole number of at most 31 bits`);
  }
  return options;
}

/** A seed for an answer that need not be repeatable; 0 or more, below 2³¹. */
export function drawSeed(): number {
  return crypto.getRandomValues(new Uint32Array(1))[0]! >>> 1;
}
