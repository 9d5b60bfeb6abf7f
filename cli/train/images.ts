/**
 * The images of a run: features that a frozen encoder gives, or pixels for one that learns.
 *
 * @module
 */
import { createFeatureCache, featureKey } from "../../data/datasets/mod.ts";
import { loadImage, preprocess } from "../../data/image/mod.ts";
import type { ChatModelParts } from "../../sdk/chat_model.ts";
import { createFileStore } from "../../sdk/file_store.ts";
import { digestWeights } from "../../trainers/digest.ts";
import type { FeatureEncoder } from "../../trainers/feature_encoder.ts";
import { PreparedImages } from "../../trainers/prepared_images.ts";

/** Pixels by the content of an image. They are kept in memory alone: they are larger than the files. */
export function preparePixels({ preprocessor }: ChatModelParts): PreparedImages {
  return new PreparedImages({
    key: (image) => featureKey(image, { encoder: "pixels" }),
    prepare: async (image) => preprocess(await loadImage(image), preprocessor!).values,
  });
}

/** Where features come from and go to. */
export interface FeatureOptions {
  /** The frozen encoder. */
  readonly encoder: FeatureEncoder;
  /** Folder that keeps them over runs. */
  readonly folder: string;
}

/** Features by the content of image and encoder. */
export async function prepareFeatures(
  { backend, model, weights, preprocessor }: ChatModelParts,
  { encoder, folder }: FeatureOptions,
): Promise<PreparedImages> {
  const frozen = await digestWeights(backend, weights, (name) => !/^(model|lm_head|vision_proj)\./.test(name));
  const id = `${frozen} ${JSON.stringify(preprocessor)} ${model.encoder!.name}`;
  const { tokens, width } = model.projector.input;
  return new PreparedImages({
    key: (image) => featureKey(image, { encoder: id }),
    prepare: async (image) => await encoder.encode(preprocess(await loadImage(image), preprocessor!).values),
    keeper: createFeatureCache(createFileStore(folder), { folder: ".", size: tokens * width }),
  });
}
