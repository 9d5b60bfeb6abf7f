/**
 * The options by which a config says what pixels an encoder of another runtime takes, with the keys that Hugging Face's
 * `preprocessor_config.json` has for them.
 *
 * @module
 */
import type { PixelOptions } from "../encoders/pixel_options.ts";
import type { OptionFields } from "./option_fields.ts";

/** Keys that {@link parsePixelOptions} reads. */
export const pixelKeys: readonly string[] = ["image_size", "image_mean", "image_std", "fit", "filter"];

/**
 * Reads `image_size`, `image_mean`, `image_std`, `fit` (`crop` or `stretch`) and `filter` (`bicubic` or `bilinear`).
 *
 * @throws {ConfigError} naming the key that is wrong
 */
export function parsePixelOptions(fields: OptionFields): PixelOptions {
  const given = <Value>(key: string, read: () => Value) => fields.has(key) ? read() : undefined;
  return {
    size: given("image_size", () => fields.integer("image_size", 1)),
    mean: fields.channels("image_mean"),
    std: fields.channels("image_std"),
    fit: given("fit", () => fields.choice("fit", ["crop", "stretch"], "crop")),
    filter: given("filter", () => fields.choice("filter", ["bicubic", "bilinear"], "bicubic")),
  };
}
