/**
 * The model that a golden case of a language model describes.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";
import { createModel, type VisionLanguageModel } from "../../core/model.ts";
import { createMiniMind, type MiniMindOptions, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { createLinearProjector } from "../../projectors/linear.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";

/** What a case says of its model. */
export interface CaseModel {
  /** The decoder's `config.json`. */
  readonly config: Readonly<Record<string, unknown>>;
  /** Names and shapes of the weights; they tell the generation and the width of the features. */
  readonly tensors: readonly { readonly name: string; readonly shape: readonly number[] }[];
  /** Embeddings per image; told by the config where absent. */
  readonly imageTokens?: number | undefined;
  /** Id of the image marker; told by the config where absent. */
  readonly marker?: number | undefined;
}

const linear = "vision_proj.vision_proj.0.weight";
const mlp = "vision_proj.mlp.1.weight";

/** Generation 2 projects by one layer, generation 3 by two. @throws {ConfigError} if there is no projector */
export function generationOf(tensors: CaseModel["tensors"]): MiniMindOptions["generation"] {
  const names = tensors.map(({ name }) => name);
  if (names.includes(linear)) return 2;
  if (names.includes(mlp)) return 3;
  throw new ConfigError(`Cannot tell the generation of the case: its weights have neither "${linear}" nor "${mlp}"`);
}

/** Creates the model of a case, without an encoder: cases give features. */
export function createCaseModel({ config, tensors, ...given }: CaseModel): VisionLanguageModel {
  const generation = generationOf(tensors);
  const decoder = createMiniMind(parseMiniMindOptions({ ...config, generation }));
  const imageIds = (config["image_ids"] ?? []) as readonly number[];
  const tokens = given.imageTokens ?? config["image_token_len"] as number | undefined ?? imageIds.length;
  const marker = given.marker ?? imageIds[0] ?? 0;
  const weight = tensors.find(({ name }) => name === (generation === 2 ? linear : mlp))!;
  const input = { tokens, width: weight.shape[1]! };
  const create = generation === 2 ? createLinearProjector : createMlpProjector;
  return createModel({
    projector: create({ input, width: decoder.width }),
    decoder,
    placeholder: { marker, tokens, match: generation === 2 ? "exact" : "run" },
  });
}
