/**
 * The documents of a trained model's folder.
 *
 * @module
 */
import { type ModelConfig, type PartConfig, partOf } from "../../core/config.ts";
import { ConfigError } from "../../core/errors.ts";
import type { PlaceholderRule } from "../../core/placeholders.ts";
import type { PartKind } from "../../core/plugin.ts";
import { formatGenerationConfig } from "../../data/generation_config.ts";
import type { Files } from "../../sdk/files.ts";
import type { ModelSource, TokenizerTexts } from "../../sdk/model_source.ts";
import { isBuiltIn } from "./start.ts";

/** A model's folder beside its weights. */
export interface ModelDocuments {
  /** Texts by file name. */
  readonly texts: ReadonlyMap<string, string>;
  /** Whether the encoder's weights must go along, because no file of its own has them as they are. */
  readonly withEncoder: boolean;
  /** A file of its own for the weights of an encoder that the folder cannot tell apart; absent if it needs none. */
  readonly encoderFile?: string | undefined;
}

/** What {@link modelDocuments} needs beside the source. */
export interface DocumentOptions {
  /** Reads the tokenizer where it does not lie beside the weights. */
  readonly files: Files;
  /** The marker of images, and how many there are of it. */
  readonly placeholder: PlaceholderRule;
  /** Whether the encoder was trained, so that its own file no longer has its weights. */
  readonly encoderLearns: boolean;
}

/** Makes the documents of a model that was found as `source`. */
export async function modelDocuments(
  source: ModelSource,
  { files, placeholder, encoderLearns }: DocumentOptions,
): Promise<ModelDocuments> {
  const { config } = source;
  const encoder = optionsOf(config.encoder);
  const { use, options } = encoder;
  const goesAlong = encoderLearns || encoder.weights === undefined;
  const withEncoder = goesAlong && isBuiltIn(config);
  const hf = {
    model_type: "minimind-v",
    ...optionsOf(config.decoder).options,
    vision_config: undefined, // of the encoder that the folder of the start had
    ...imageKeys(config, placeholder),
    ...withEncoder && { vision_config: { model_type: use, ...options } },
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
  return { texts, withEncoder, encoderFile: encoderLearns && !withEncoder ? "encoder.safetensors" : undefined };
}

/** How images stand in the text, in upstream's words of the model's generation. */
function imageKeys({ placeholder }: ModelConfig, { marker, tokens, match }: PlaceholderRule): Record<string, unknown> {
  if (match === "run") return { image_special_token: placeholder?.token, image_ids: [marker], image_token_len: tokens };
  return { image_special_token: placeholder?.token.repeat(tokens), image_ids: new Array(tokens).fill(marker) };
}

function optionsOf<Kind extends PartKind>(part: string | PartConfig<Kind> | undefined): PartConfig<Kind> {
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
