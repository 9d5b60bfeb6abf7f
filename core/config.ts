/**
 * What a user's config says: which parts make up a model, and where their weights are.
 *
 * @module
 */
import { ConfigError } from "./errors.ts";
import { type PartKind, partKinds, type Plugin } from "./plugin.ts";
import type { SamplingOptions } from "./sampling.ts";

/** One part: the plugin that makes it, its options, its weights. */
export interface PartConfig<Kind extends PartKind = PartKind> {
  /** A built-in name, a module specifier relative to the config, or a plugin object. */
  readonly use: string | Plugin<Kind>;
  /** Options of the plugin. Default none. */
  readonly options?: Readonly<Record<string, unknown>> | undefined;
  /** Files of its weights: paths, URLs or `hf:owner/repository/file`. Default none of its own. */
  readonly weights?: string | readonly string[] | undefined;
}

/** Which ids of a prompt stand for an image. */
export interface PlaceholderConfig {
  /** The token that is repeated. */
  readonly token: string;
  /** `exact`: only a full run counts (MiniMind2-V); `run`: any run (minimind-3v). Default `run`. */
  readonly match?: "exact" | "run" | undefined;
}

/** How answers are drawn when a call does not say. */
export interface GenerationConfig extends SamplingOptions {
  /** Most ids of an answer. Default 512. */
  readonly maxNewTokens?: number | undefined;
}

/** A LoRA adapter and how much of it is added. */
export interface LoraConfig {
  /** Its file: a path, a URL or `hf:owner/repository/file`. */
  readonly file: string;
  /** Factor on its change. Default 1. */
  readonly scale?: number | undefined;
}

/** A config file. What is left out comes from `model`. */
export interface ModelConfig {
  /** A released model's name, a model folder, or a checkpoint file. */
  readonly model?: string | undefined;
  /** Pixels to features. */
  readonly encoder?: string | PartConfig<"encoder"> | undefined;
  /** Features to embeddings. */
  readonly projector?: string | PartConfig<"projector"> | undefined;
  /** Embeddings to logits. */
  readonly decoder?: string | PartConfig<"decoder"> | undefined;
  /** Memory and kernels. Default `wasm`. */
  readonly backend?: string | PartConfig<"backend"> | undefined;
  /** Checkpoint of decoder and projector. */
  readonly weights?: string | readonly string[] | undefined;
  /** LoRA adapters, each a file or a file and how much of it, that are added to the weights. Default none. */
  readonly lora?: string | LoraConfig | readonly (string | LoraConfig)[] | undefined;
  /** Folder of tokenizer.json and tokenizer_config.json: a path or `hf:owner/repository`. */
  readonly tokenizer?: string | undefined;
  /** The image placeholder. */
  readonly placeholder?: PlaceholderConfig | undefined;
  /** Defaults of generation. */
  readonly generation?: GenerationConfig | undefined;
  /** Positions of the KV cache. Default 2048, or what the model has if that is less. */
  readonly context?: number | undefined;
}

const strings = ["model", "tokenizer"] as const;
const placeholderKeys = ["token", "match"] as const;
const generationKeys = [
  ...["temperature", "topK", "topP", "minP", "repetitionPenalty", "presencePenalty", "frequencyPenalty"],
  ...["noRepeatNgramSize", "seed", "maxNewTokens"],
];
const keys = [...partKinds, ...strings, "placeholder", "generation", "weights", "lora", "context"];

/**
 * Checks a parsed config; options of plugins are theirs to check.
 *
 * @throws {ConfigError} naming the file and the key that is unknown or wrong
 */
export function parseConfig(input: unknown, what = "config"): ModelConfig {
  const config = record(input, what);
  known(config, keys, what);
  for (const key of strings) if (config[key] !== undefined) text(config[key], `${what}.${key}`);
  for (const key of partKinds) if (config[key] !== undefined) checkPart(config[key], `${what}.${key}`);
  if (config.weights !== undefined) checkWeights(config.weights, `${what}.weights`);
  if (config.lora !== undefined) { for (const adapter of [config.lora].flat()) checkLora(adapter, `${what}.lora`); }
  if (config.placeholder !== undefined) {
    const placeholder = record(config.placeholder, `${what}.placeholder`);
    known(placeholder, placeholderKeys, `${what}.placeholder`);
    text(placeholder.token, `${what}.placeholder.token`);
    if (!["exact", "run", undefined].includes(placeholder.match as string | undefined)) {
      throw wrong(`${what}.placeholder.match`, placeholder.match, `"exact" or "run"`);
    }
  }
  if (config.generation !== undefined) {
    const generation = record(config.generation, `${what}.generation`);
    known(generation, generationKeys, `${what}.generation`);
    for (const [key, value] of Object.entries(generation)) {
      if (typeof value !== "number") throw wrong(`${what}.generation.${key}`, value, "a number");
    }
  }
  if (config.context !== undefined && !(Number.isInteger(config.context) && config.context as number > 1)) {
    throw wrong(`${what}.context`, config.context, "a whole number above 1");
  }
  return config as ModelConfig;
}

/** A part in its long form. */
export function partOf<Kind extends PartKind>(part: string | PartConfig<Kind>): PartConfig<Kind> {
  return typeof part === "string" ? { use: part } : part;
}

/** The adapters of a config in their long form. */
export function adaptersOf({ lora = [] }: ModelConfig): LoraConfig[] {
  return [lora].flat().map((adapter) => typeof adapter === "string" ? { file: adapter } : adapter);
}

function checkLora(value: unknown, what: string): void {
  if (typeof value === "string") return text(value, what);
  const adapter = record(value, what);
  known(adapter, ["file", "scale"], what);
  text(adapter.file, `${what}.file`);
  if (adapter.scale !== undefined && !Number.isFinite(adapter.scale)) {
    throw wrong(`${what}.scale`, adapter.scale, "a finite number");
  }
}

function checkPart(value: unknown, what: string): void {
  if (typeof value === "string") return;
  const part = record(value, what);
  known(part, ["use", "options", "weights"], what);
  if (typeof part.use !== "string" && (typeof part.use !== "object" || part.use === null)) {
    throw wrong(`${what}.use`, part.use, "a name, a module or a plugin");
  }
  if (part.options !== undefined) record(part.options, `${what}.options`);
  if (part.weights !== undefined) checkWeights(part.weights, `${what}.weights`);
}

function checkWeights(value: unknown, what: string): void {
  for (const item of Array.isArray(value) ? value : [value]) text(item, what);
}

function record(value: unknown, what: string): Record<string, unknown> {
  if (typeof value !== "object" || value === null || Array.isArray(value)) throw wrong(what, value, "an object");
  return value as Record<string, unknown>;
}

function text(value: unknown, what: string): void {
  if (typeof value !== "string" || value === "") throw wrong(what, value, "a text");
}

function known(value: Record<string, unknown>, names: readonly string[], what: string): void {
  const odd = Object.keys(value).find((key) => !names.includes(key));
  if (odd !== undefined) {
    throw new ConfigError(`Cannot read "${what}": unknown key "${odd}", there are ${names.join(", ")}`);
  }
}

function wrong(what: string, value: unknown, expected: string): ConfigError {
  return new ConfigError(`Cannot read "${what}": ${JSON.stringify(value) ?? "undefined"} is not ${expected}`);
}
