/**
 * `minimind bench`: how fast a model is on this machine, measured.
 *
 * @module
 */
import { isGraphEncoder } from "../core/encoder.ts";
import { bindModel } from "../core/model_plans.ts";
import { randomWeights } from "../sdk/random_model.ts";
import { buildArchitecture } from "./architecture.ts";
import { type BenchTimes, measureModel, median } from "./bench/measure.ts";
import type { Command } from "./command.ts";
import { createCliBackend } from "./create_backend.ts";
import { parseFlags } from "./flags.ts";
import { counted, duration, formatBackend, table } from "./format.ts";
import { modelFlags, requestModel } from "./model_flags.ts";
import { stdout } from "./terminal.ts";

const number = { type: "number", value: "N" } as const;

const flags = {
  "prompt-tokens": { ...number, summary: "Tokens of the prompt (default 256)" },
  "max-new-tokens": { ...number, aliases: ["n"], summary: "Tokens drawn after it (default 64)" },
  rounds: { ...number, summary: "Times that all is measured (default 3)" },
  json: { type: "boolean", summary: "Prints JSON" },
  ...modelFlags,
} as const;

/** Measures a model. */
export const benchCommand: Command = {
  name: "bench",
  summary: "Measure how fast a model is here; with random weights, so nothing is downloaded",
  usage: "[MODEL]",
  flags,
  examples: ["bench minimind2-small-v", "bench minimind-3v --threads 1 --json", "bench ./my-model --rounds 10"],
  run,
};

/** Sizes and threads that a measurement is for. */
interface Conditions {
  readonly model: string;
  readonly backend: string;
  readonly threads: number;
  readonly promptTokens: number;
  readonly newTokens: number;
  readonly rounds: number;
}

async function run(args: readonly string[]): Promise<number> {
  const { flags: values, positional } = parseFlags(args, flags);
  const sizes = {
    promptTokens: wholeNumber("prompt-tokens", values["prompt-tokens"] ?? 256, 1),
    newTokens: wholeNumber("max-new-tokens", values["max-new-tokens"] ?? 64, 2),
    rounds: wholeNumber("rounds", values.rounds ?? 3, 1),
  };
  const request = await requestModel(values, { positional });
  const { name, model, config } = await buildArchitecture(request, values);
  try {
    await using backend = await createCliBackend(config.backend, { base: request.base, flags: values });
    const weights = bindModel(backend, model, { sources: [randomWeights(model)] });
    const times = await measureModel({ backend, model, weights }, sizes);
    const { threads } = backend.capabilities;
    const conditions = { model: name, backend: backend.name, threads, ...sizes };
    stdout.write(`${values.json ? toJson(conditions, times) : toText(conditions, times)}\n`);
  } finally {
    const { encoder } = model;
    if (encoder !== undefined && !isGraphEncoder(encoder)) await encoder[Symbol.asyncDispose]();
  }
  return 0;
}

function wholeNumber(flag: string, value: number, least: number): number {
  if (Number.isInteger(value) && value >= least) return value;
  throw new RangeError(`Cannot measure with --${flag} ${value}: it must be a whole number of at least ${least}`);
}

/** Rates of the medians, tokens per second. */
function rates({ promptTokens, newTokens }: Conditions, { prefill, decode }: BenchTimes) {
  return {
    prefillTokensPerSecond: promptTokens / median(prefill) * 1000,
    decodeTokensPerSecond: (newTokens - 1) / median(decode) * 1000,
  };
}

function toJson(conditions: Conditions, times: BenchTimes): string {
  const medians = { encodeMs: times.encode.length > 0 ? median(times.encode) : undefined, ...rates(conditions, times) };
  return JSON.stringify({ ...conditions, ...medians, milliseconds: times }, undefined, 2);
}

function toText(conditions: Conditions, times: BenchTimes): string {
  const { model, promptTokens, newTokens, rounds } = conditions;
  const { prefillTokensPerSecond, decodeTokensPerSecond } = rates(conditions, times);
  const row = (work: string, milliseconds: readonly number[], rate: string) => {
    return [work, duration(Math.min(...milliseconds)), duration(median(milliseconds)), rate];
  };
  const tokens = (rate: number) => `${rate.toFixed(rate < 10 ? 1 : 0)} tokens/s`;
  return [
    `${model} on ${formatBackend(conditions)}, random weights, ${counted(rounds, "round")}`,
    "",
    table([
      ["WORK", "BEST", "MEDIAN", "RATE"],
      ...times.encode.length > 0 ? [row("encode an image", times.encode, "")] : [],
      row(`prefill ${promptTokens} tokens`, times.prefill, tokens(prefillTokensPerSecond)),
      row(`decode ${newTokens} tokens`, times.decode, tokens(decodeTokensPerSecond)),
    ], { right: [1, 2, 3] }),
  ].join("\n");
}
