/**
 * What `model` of a config means: a released model's name, `random`, a folder, or a checkpoint; as a config of its
 * parts.
 *
 * @module
 */
import type { ModelConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import type { TensorSource } from "../core/weights.ts";
import { modelTensors, openCheckpoint } from "../data/checkpoint.ts";
import { isRemoteName } from "../data/hub/hub_name.ts";
import { parseGenerationConfig } from "../data/generation_config.ts";
import type { WantedFile } from "../data/hub/mod.ts";
import { splitEncoder } from "../data/infer_encoder.ts";
import { inferModel, type InferredModel } from "../data/infer_model.ts";
import { isLora } from "../data/lora_file.ts";
import { type FolderFiles, type ModelFolder, openModelFolder } from "../data/model_folder.ts";
import { demoName, openDemo } from "../models/demo/mod.ts";
import { findPreset, presets } from "../models/mod.ts";
import { findAdapters } from "./adapters.ts";
import type { Files } from "./files.ts";
import { hubFolder, isRepository } from "./hub_folder.ts";
import { randomModelConfig, randomModelName, randomModelTokenizer } from "./random_model.ts";

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
  if (name === randomModelName) return findRandom();
  const { model, lora } = await findAdapters(name, files);
  const base = await findBase(model, files);
  return lora.length === 0 ? base : { ...base, config: { ...base.config, lora } };
}

function findRandom(): ModelSource {
  const tokenizer = randomModelTokenizer();
  return { name: randomModelName, config: randomModelConfig, sources: new Map(), tokenizer, files: [], random: true };
}

async function findBase(model: string, files: Files): Promise<ModelSource> {
  if (model === randomModelName) return findRandom();
  if (model === demoName) return await openFolder(model, await openDemo());
  if (await files.isFolder(model)) return await openFolder(shortName(model), files.folder(model));
  if (isRepository(model)) return await openFolder(model, hubFolder(model, files));
  if (/\.(pth|pt|bin|safetensors)$/.test(model)) {
    const checkpoint = openCheckpoint([{ name: model, bytes: await files.open(model) }]);
    return describe(shortName(model), { folder: { checkpoint }, inferred: infer(checkpoint, undefined) });
  }
  if (/[\\/]/.test(model) && !/^\w[\w.-]*\/[\w.-]+$/.test(model)) {
    throw new ConfigError(`Cannot find model "${model}": there is no such file or folder`);
  }
  const preset = findPreset(model);
  const known = [...preset.files].map(([name, file]) => ({ name, ...file }));
  return { name: preset.name, config: preset.config, sources: new Map(), files: known };
}

/**
 * The model in a folder.
 *
 * @throws {WeightError} if its checkpoint cannot be read or understood
 */
export async function openFolder(name: string, files: FolderFiles): Promise<ModelSource> {
  const folder = await openModelFolder(files);
  return { ...describe(name, { folder, inferred: infer(folder.checkpoint, folder.config) }), folder: files };
}

interface Inferred {
  readonly model: InferredModel;
  readonly own: TensorSource;
  readonly encoder: TensorSource | undefined;
}

function infer(checkpoint: ModelFolder["checkpoint"], config: unknown): Inferred {
  if (isLora(checkpoint)) {
    const name = checkpoint.files.map(({ name }) => shortName(name)).join(", ");
    throw new ConfigError(`Cannot load "${name}": it is a LoRA adapter; name its base, and the adapter as lora`);
  }
  const tensors = modelTensors(checkpoint);
  const { model, encoder } = splitEncoder(tensors);
  return { model: inferModel(tensors, { config }), own: model, encoder };
}

/** What a generation of models shares, told by a released model of it. */
function relative({ sizes, known }: InferredModel): ModelConfig {
  const name = known !== undefined && presets.has(known) ? known : undefined;
  return presets.get(name ?? (sizes.generation === 2 ? "minimind2-small-v" : "minimind-3v"))!.config;
}

function describe(name: string, { folder, inferred }: { folder: ModelFolder; inferred: Inferred }): ModelSource {
  const { model, own, encoder } = inferred;
  const like = relative(model);
  const languageModel = model.sizes.projector === undefined;
  const generation = folder.generationConfig === undefined ? undefined : parseGenerationConfig(folder.generationConfig);
  const config: ModelConfig = {
    ...like,
    encoder: model.encoder === undefined ? like.encoder : { use: model.encoder.kind, options: model.encoder.config },
    projector: model.sizes.projector === undefined ? like.projector : { use: model.sizes.projector.kind },
    decoder: { use: "minimind", options: { generation: model.sizes.generation, ...model.config } },
    generation: generation ?? like.generation,
    weights: undefined,
    tokenizer: folder.tokenizer === undefined ? like.tokenizer : undefined,
  };
  const sources = new Map([[name, own]]);
  if (encoder !== undefined) sources.set(encoderLabel(name), encoder);
  const tokenizer = folder.tokenizer === undefined || folder.tokenizerConfig === undefined ? undefined : {
    tokenizer: folder.tokenizer,
    config: folder.tokenizerConfig,
    template: folder.chatTemplate,
  };
  return { name, config, sources, tokenizer, preprocessor: folder.preprocessorConfig, files: [], languageModel };
}
