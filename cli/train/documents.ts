/**
 * The documents of a trained model's folder.
 *
 * @module
 */
import { type ModelConfig, type PartConfig, partOf } from "../../core/config.ts";
import { ConfigError } from "../../core/errors.ts";
import type { PluginKind } from "../../core/plugin.ts";
import { formatGenerationConfig } from "../../data/generation_config.ts";
import type { Files } from "../../sdk/files.ts";
import type { ModelSource, TokenizerTexts } from "../../sdk/model_source.ts";

/** A model's folder beside its weights. */
export interface ModelDocuments {
  /** Texts by file name. */
  readonly texts: ReadonlyMap<string, string>;
  /** Whether the encoder's weights must go along, because no file of its own has them as they are. */
  readonly withEncoder: boolean;
}

/** What {@link modelDocuments} needs beside the source. */
export interface DocumentOptions {
  /** Reads the tokenizer where it does not lie beside the weights. */
  readonly files: Files;
  /** Whether the encoder was trained, so that its own file no longer has its weights. */
  readonly encoderLearns: boolean;
}

/** Makes the documents of a model that was found as `source`. */
export async function modelDocuments(
  source: ModelSource,
  { files, encoderLearns }: DocumentOptions,
): Promise<ModelDocuments> {
  const { config } = source;
  const encoder = optionsOf(config.encoder);
  const withEncoder = encoderLearns || encoder.weights === undefined;
  const { use, options } = encoder;
  const hf = {
    model_type: "minimind-v",
    ...optionsOf(config.decoder).options,
    ...withEncoder && isBuiltIn(use) && { vision_config: { model_type: use, ...options } },
  };
  const { tokenizer, config: special, template } = source.tokenizer ?? await readTokenizer(config, files);
  const texts = new Map([
    ["config.json", json(hf)],
    ["tokenizer.json", tokenizer],
    ["tokenizer_config.json", special],
  ]);
  if (template !== undefined) texts.set("chat_template.jinja", template);
  if (config.generation !== undefined) {
    texts.set("generation_config.json", json(formatGenerationConfig(config.generation)));
  }
  if (source.preprocessor !== undefined) texts.set("preprocessor_config.json", json(source.preprocessor));
  return { texts, withEncoder };
}

/** Whether a folder's `config.json` can say what the encoder is, because its tensors tell it apart. */
function isBuiltIn(use: unknown): boolean {
  return use === "clip" || use === "siglip" || use === "tiny";
}

function optionsOf<Kind extends PluginKind>(part: string | PartConfig<Kind> | undefined): PartConfig<Kind> {
  if (part === undefined) throw new ConfigError("Cannot save a model: its config lacks a part");
  return partOf(part);
}

async function readTokenizer({ tokenizer: folder }: ModelConfig, files: Files): Promise<TokenizerTexts> {
  if (folder === undefined) throw new ConfigError("Cannot save a model: its config names no tokenizer");
  const text = async (file: string) =>
    new TextDecoder().decode(await files.read(`${folder.replace(/\/$/, "")}/${file}`));
  const config = await text("tokenizer_config.json");
  const inside = "chat_template" in (JSON.parse(config) as object);
  return {
    tokenizer: await text("tokenizer.json"),
    config,
    template: inside ? undefined : await text("chat_template.jinja"),
  };
}

function json(value: unknown): string {
  return `${JSON.stringify(value, undefined, 2)}\n`;
}
