/**
 * The images of a run: features that a frozen encoder gives, or pixels for one that learns.
 *
 * @module
 */
import { createFeatureCache, featureKey, pixelReader } from "../../data/datasets/mod.ts";
import type { ChatModelParts } from "../../sdk/chat_model.ts";
import { createFileStore } from "../../sdk/file_store.ts";
import { encoderId } from "../../trainers/encoder_id.ts";
import type { FeatureEncoder } from "../../trainers/feature_encoder.ts";
import { PreparedImages } from "../../trainers/prepared_images.ts";

/** Pixels by the content of an image. They are kept in memory alone: they are larger than the files. */
export function preparePixels(
  { preprocessor }: ChatModelParts,
  { maxBytes }: { readonly maxBytes: number | undefined },
): PreparedImages {
  const read = pixelReader({ preprocessor: preprocessor! });
  return new PreparedImages({
    key: (image) => featureKey(image, { encoder: "pixels" }),
    prepare: async (image, { name = "image" }) => (await read(image, { name })).values,
    maxBytes,
  });
}

/** Where features come from and go to. */
export interface FeatureOptions {
  /** The frozen encoder. */
  readonly encoder: FeatureEncoder;
  /** Folder that keeps them over runs; undefined to keep them in memory alone. */
  readonly folder: string | undefined;
  /** Bytes kept in memory. Default 256 MiB. */
  readonly maxBytes?: number | undefined;
}

/** Features by the content of image and encoder. An image whose features are kept is not decoded. */
export async function prepareFeatures(
  parts: ChatModelParts,
  { encoder, folder, maxBytes }: FeatureOptions,
): Promise<PreparedImages> {
  const { backend, model, weights, preprocessor } = parts;
  const own = await encoderId({ encoder: model.encoder!, features: encoder, weights, backend });
  const id = `${own} ${JSON.stringify(preprocessor)}`;
  const { tokens, width } = model.projector.input;
  const read = pixelReader({ preprocessor: preprocessor! });
  return new PreparedImages({
    key: (image) => featureKey(image, { encoder: id }),
    prepare: async (image, { name = "image" }) => await encoder.encode((await read(image, { name })).values),
    maxBytes,
    keeper: folder === undefined
      ? undefined
      : createFeatureCache(createFileStore(folder), { folder: ".", size: tokens * width }),
  });
}
