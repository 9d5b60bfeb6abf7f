/**
 * What `model` of a config means: a released model's name, `random`, a folder, or a checkpoint; as a config of its
 * parts.
 *
 * @module
 */
import type { ModelConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import type { TensorSource } from "../core/weights.ts";
import { isRemoteName } from "../data/hub/hub_name.ts";
import type { WantedFile } from "../data/hub/mod.ts";
import type { FolderFiles } from "../data/model_folder.ts";
import { demoName, openDemo } from "../models/demo/mod.ts";
import { findPreset } from "../models/mod.ts";
import { findAdapters } from "./adapters.ts";
import type { Files } from "./files.ts";

/** The name by which a config asks for a tiny model with random weights. */
export const randomModelName = "random";

/** The texts that a tokenizer is made of. */
export interface TokenizerTexts {
  /** `tokenizer.json`. */
  readonly tokenizer: string;
  /** `tokenizer_config.json`. */
  readonly config: string;
  /** `chat_template.jinja`, where the template is a file of its own. */
  readonly template?: string | undefined;
}

/** A model as far as its source tells. */
export interface ModelSource {
  /** Name for messages. */
  readonly name: string;
  /** Its parts; what a user's config says goes before. */
  readonly config: ModelConfig;
  /** Weights that were read along, by label. */
  readonly sources: ReadonlyMap<string, TensorSource>;
  /** The tokenizer, where it lies beside the weights. */
  readonly tokenizer?: TokenizerTexts | undefined;
  /** `preprocessor_config.json`, where it lies beside the weights. */
  readonly preprocessor?: unknown;
  /** Sizes and checksums of remote files. */
  readonly files: readonly WantedFile[];
  /** Whether parameters that no file has are drawn at random. Default false. */
  readonly random?: boolean | undefined;
  /** Whether it is a language model, whose weights have no projector. Default false. */
  readonly languageModel?: boolean | undefined;
  /** The folder that it came from. */
  readonly folder?: FolderFiles | undefined;
}

/** What to call a local file or folder: the last part of its path. Names of the hub stay as they are. */
export function shortName(name: string): string {
  if (isRemoteName(name)) return name;
  const last = name.replace(/[\\/]+$/, "").split(/[\\/]/).at(-1) || name;
  return name.startsWith("file:") ? decodeURIComponent(last) : last;
}

/** Label of a source that holds the encoder of the model called `name`. */
export function encoderLabel(name: string): string {
  return `${name} (encoder)`;
}

/**
 * Finds what a `model` means. An adapter's folder means its base, with the adapter in the config.
 *
 * @throws {ConfigError} if it is neither a released model nor a file
 * @throws {WeightError} if the checkpoint cannot be read or understood
 */
export async function findModel(name: string, files: Files): Promise<ModelSource> {
  if (name === randomModelName) return await findRandom();
  const { model, lora } = await findAdapters(name, files);
  const base = await findBase(model, files);
  return lora.length === 0 ? base : { ...base, config: { ...base.config, lora } };
}

async function findRandom(): Promise<ModelSource> {
  const { randomModelConfig, randomModelTokenizer } = await import("./random_model.ts");
  const tokenizer = randomModelTokenizer();
  return { name: randomModelName, config: randomModelConfig, sources: new Map(), tokenizer, files: [], random: true };
}

/** A model that is no released one: what it is has to be told by its files. */
async function openOther(model: string, files: Files): Promise<ModelSource | undefined> {
  const isFolder = model !== demoName && await files.isFolder(model);
  const isRepository = /^hf:[^/]+\/[^/]+$/.test(model); // hf:owner/name, with @revision or without
  const isFile = /\.(pth|pt|bin|safetensors)$/.test(model);
  if (model !== demoName && !isFolder && !isRepository && !isFile) return undefined;
  const { openFile, openFolder } = await import("./folder_source.ts");
  if (model === demoName) return await openFolder(model, await openDemo());
  if (isFolder) return await openFolder(shortName(model), files.folder(model));
  if (isRepository) return await openFolder(model, (await import("./hub_folder.ts")).hubFolder(model, files));
  return await openFile(model, files);
}

async function findBase(model: string, files: Files): Promise<ModelSource> {
  if (model === randomModelName) return await findRandom();
  const opened = await openOther(model, files);
  if (opened !== undefined) return opened;
  if (/[\\/]/.test(model) && !/^\w[\w.-]*\/[\w.-]+$/.test(model)) {
    throw new ConfigError(`Cannot find model "${model}": there is no such file or folder`);
  }
  const preset = findPreset(model);
  const known = [...preset.files].map(([name, file]) => ({ name, ...file }));
  return { name: preset.name, config: preset.config, sources: new Map(), files: known };
}
