/**
 * The flags by which commands name a model and its parts, and the config they make.
 *
 * @module
 */
import { type LoraConfig, type ModelConfig, parseConfig, type PartConfig, partOf } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import type { PartKind } from "../core/plugin.ts";
import { demoName } from "../models/demo/mod.ts";
import { resolveName } from "../sdk/files.ts";
import type { FlagValues } from "./flags.ts";
import { hubFlags } from "./hub_flags.ts";

const part = { type: "string", value: "PART" } as const;

/** Flags of commands that take a model, for {@link parseFlags}. */
export const modelFlags = {
  model: {
    type: "string",
    value: "MODEL",
    aliases: ["m", "load-from"],
    summary: "A released model's name, hf:OWNER/NAME, a model folder, a checkpoint, demo or random, as the argument is",
  },
  config: {
    type: "string",
    value: "FILE",
    summary: "JSON file that names the parts; what it leaves out comes from MODEL",
  },
  encoder: { ...part, summary: 'Takes another encoder: a name, ./a_module.ts, or {"use": …, "options": …}' },
  projector: { ...part, summary: "Takes another projector, likewise" },
  decoder: { ...part, summary: "Takes another decoder, likewise" },
  backend: { ...part, summary: "Computes elsewhere: wasm (default), webgpu, auto, reference, or a module" },
  threads: { type: "number", value: "N", aliases: ["t"], summary: "Threads (default all cores, at most 8)" },
  weights: { type: "list", value: "FILE", summary: "Takes decoder and projector from this checkpoint" },
  lora: {
    type: "list",
    value: "FILE[:SCALE]",
    aliases: ["lora-weight"],
    summary: "Adds a LoRA adapter to the weights, or so much of it; may be given several times",
  },
  tokenizer: { type: "string", value: "DIR", summary: "Takes tokenizer and chat template from this folder" },
  "ctx-size": {
    type: "number",
    value: "N",
    aliases: ["c", "context", "n-ctx"],
    summary: "Tokens of prompt and answer together (default as the model says)",
  },
  "allow-missing": {
    type: "list",
    value: "PATTERN",
    summary: 'Parameters that no file has to have, for instance "vision_proj.*"',
  },
  ...hubFlags,
} as const;

/** Values of {@link modelFlags}. */
export type ModelFlagValues = FlagValues<typeof modelFlags>;

/** What the flags say about a model. */
export interface ModelRequest {
  /** The config; its `model` is what was named, or what stands in where nothing was. */
  readonly config: ModelConfig;
  /** URL that relative names in it start from. */
  readonly base: URL;
  /** Whether no model was named, so that another stands in. */
  readonly standIn: boolean;
}

/** Options of {@link requestModel}. */
export interface RequestOptions {
  /** Arguments that are no flags: at most one, a model. Default none. */
  readonly positional?: readonly string[] | undefined;
  /** The model where none is named. Default the embedded demo model. */
  readonly standIn?: string | undefined;
}

/**
 * The model that arguments ask for. Names on the command line are relative to the working directory, those in a config
 * file to the file.
 *
 * @throws {TypeError} if it is named twice, or a flag's value cannot be used
 * @throws {ConfigError} if the config file cannot be read or is wrong
 */
export async function requestModel(
  flags: ModelFlagValues,
  { positional = [], standIn: other = demoName }: RequestOptions = {},
): Promise<ModelRequest> {
  if (positional.length > 1) {
    throw new TypeError(`Cannot use ${positional.join(", ")}: name one model; a text goes after --prompt`);
  }
  const [argument] = positional;
  if (argument !== undefined && flags.model !== undefined) {
    throw new TypeError(`Cannot use both "${argument}" and --model "${flags.model}": name one model`);
  }
  const here = folderUrl(Deno.cwd());
  const base = flags.config === undefined ? here : resolveName(flags.config, here);
  const file = flags.config === undefined ? {} : await readConfig(flags.config, base);
  const named = argument ?? flags.model;
  const given: ModelConfig = {
    model: named === undefined ? undefined : await placed(named, here),
    encoder: parsePart(flags.encoder, { kind: "encoder", here }),
    projector: parsePart(flags.projector, { kind: "projector", here }),
    decoder: parsePart(flags.decoder, { kind: "decoder", here }),
    backend: parsePart(flags.backend, { kind: "backend", here }),
    weights: flags.weights.length === 0 ? undefined : flags.weights.map((name) => absolute(name, here)),
    lora: flags.lora.length === 0 ? undefined : flags.lora.map((value) => {
      const { file, scale } = parseAdapter(value);
      return { file: absolute(file, here), scale };
    }),
    tokenizer: flags.tokenizer === undefined ? undefined : absolute(flags.tokenizer, here),
    context: flags["ctx-size"],
  };
  const config: ModelConfig = { ...file, ...defined(given) };
  const standIn = config.model === undefined && !isWhole(config);
  return {
    config: withThreads(standIn ? { ...config, model: other } : config, flags.threads),
    base,
    standIn,
  };
}

/** URL of a folder by its path. */
export function folderUrl(path: string): URL {
  const slashed = path.replaceAll("\\", "/").replace(/^([^/])/, "/$1").replace(/\/?$/, "/");
  return new URL(`file://${encodeURI(slashed).replaceAll("#", "%23").replaceAll("?", "%3F")}`);
}

/** A config that names every part needs no model to take them from. */
function isWhole({ encoder, projector, decoder, tokenizer, placeholder }: ModelConfig): boolean {
  return [encoder, projector, decoder, tokenizer, placeholder].every((part) => part !== undefined);
}

async function readConfig(name: string, url: URL): Promise<ModelConfig> {
  const fail = (problem: string, cause: unknown) => new ConfigError(`Cannot read "${name}": ${problem}`, { cause });
  let text: string;
  try {
    text = await Deno.readTextFile(url);
  } catch (cause) {
    throw fail(cause instanceof Deno.errors.NotFound ? "there is no such file" : String(cause), cause);
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw fail(`it is not JSON: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
  return parseConfig(json, name);
}

/** A model's place where there is such a file or folder; otherwise its name as it stands. */
async function placed(name: string, here: URL): Promise<string> {
  const url = resolveName(name, here);
  if (url.protocol !== "file:") return name;
  return await Deno.stat(url).then(() => url.href, (cause) => {
    if (cause instanceof Deno.errors.NotCapable && /[\\/.]/.test(name)) {
      throw new ConfigError(`Cannot read "${name}": it may not be read, see --allow-read`, { cause });
    }
    return name;
  });
}

/** `FILE` or `FILE:SCALE`. */
export function parseAdapter(value: string): LoraConfig {
  const [, file = value, scale] = /^(.+):([-+]?[\d.]+(?:e[-+]?\d+)?)$/i.exec(value) ?? [];
  if (scale === undefined) return { file };
  if (Number.isFinite(Number(scale))) return { file, scale: Number(scale) };
  throw new TypeError(`Cannot read flag "--lora": "${scale}" is not a number`);
}

/** A name that means the same from anywhere. */
function absolute(name: string, here: URL): string {
  return /^(hf:|https?:)/.test(name) ? name : resolveName(name, here).href;
}

/** `clip`, `./mine.ts`, or a part as a config has it. */
function parsePart<Kind extends PartKind>(
  value: string | undefined,
  { kind, here }: { readonly kind: Kind; readonly here: URL },
): string | PartConfig<Kind> | undefined {
  if (value === undefined) return undefined;
  const place = (use: string) => /^\.{0,2}\//.test(use) ? new URL(use, here).href : use;
  if (!value.trimStart().startsWith("{")) return place(value);
  let json: unknown;
  try {
    json = JSON.parse(value);
  } catch (cause) {
    throw new TypeError(`Cannot read flag "--${kind}": ${cause instanceof Error ? cause.message : cause}`, { cause });
  }
  const { use, options, weights } = partOf<PartKind>(parseConfig({ [kind]: json }, `--${kind}`)[kind]!);
  if (typeof use !== "string") throw new TypeError(`Cannot read flag "--${kind}": its "use" is not a name`);
  return {
    use: place(use),
    options,
    weights: weights === undefined ? undefined : [weights].flat().map((name) => absolute(name, here)),
  };
}

/** Threads are an option of the backend. */
function withThreads(config: ModelConfig, threads: number | undefined): ModelConfig {
  if (threads === undefined) return config;
  const { use, options, weights } = partOf(config.backend ?? "wasm");
  return { ...config, backend: { use, options: { ...options, threads }, ...weights && { weights } } };
}

function defined(config: ModelConfig): ModelConfig {
  return Object.fromEntries(Object.entries(config).filter(([, value]) => value !== undefined));
}
