/**
 * A model in a folder or a file: its parts, as far as documents and tensors tell them. It is loaded for the first one.
 *
 * @module
 */
import type { ModelConfig } from "../core/config.ts";
import { ConfigError } from "../core/errors.ts";
import type { TensorSource } from "../core/weights.ts";
import { modelTensors, openCheckpoint } from "../data/checkpoint.ts";
import { parseGenerationConfig } from "../data/generation_config.ts";
import { splitEncoder } from "../data/infer_encoder.ts";
import { inferModel, type InferredModel } from "../data/infer_model.ts";
import { isLora } from "../data/lora_file.ts";
import { type FolderFiles, type ModelFolder, openModelFolder } from "../data/model_folder.ts";
import { presets } from "../models/mod.ts";
import type { Files } from "./files.ts";
import { encoderLabel, type ModelSource, shortName } from "./model_source.ts";

/**
 * The model in a folder.
 *
 * @throws {WeightError} if its checkpoint cannot be read or understood
 */
export async function openFolder(name: string, files: FolderFiles): Promise<ModelSource> {
  const folder = await openModelFolder(files);
  return { ...describe(name, { folder, inferred: infer(folder.checkpoint, folder.config) }), folder: files };
}

/**
 * The model in a checkpoint of one file.
 *
 * @throws {ConfigError} if it cannot be read
 * @throws {WeightError} if it cannot be understood
 */
export async function openFile(name: string, files: Files): Promise<ModelSource> {
  const checkpoint = await openCheckpoint([{ name, bytes: await files.open(name) }]);
  return describe(shortName(name), { folder: { checkpoint }, inferred: infer(checkpoint, undefined) });
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
