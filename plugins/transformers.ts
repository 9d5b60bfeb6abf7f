/**
 * `transformers`: any vision model of transformers.js. Options: `model` (an id of the hub, or a folder or URL that begins
 * with `./`, `../`, `/` or a scheme, relative to the config), `revision`, `class`, `dtype`, `output`, `drop_first`, and
 * over what the model's `preprocessor_config.json` says, `image_size`, `image_mean`, `image_std`, `fit`, `filter`.
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import type { TransformersEncoderOptions } from "../encoders/transformers.ts";
import { OptionFields } from "./option_fields.ts";
import { parsePixelOptions, pixelKeys } from "./pixel_options.ts";

/** Options of the `transformers` encoder in a config. */
export type TransformersPluginOptions = Omit<TransformersEncoderOptions, "readFile" | "onNotice" | "importRuntime">;

/** The models of transformers.js. */
const plugin: Plugin<"encoder", TransformersPluginOptions> = {
  contract: 1,
  kind: "encoder",
  name: "transformers",
  summary: "any vision model of transformers.js, from the hub or a folder",
  parseOptions(input): TransformersPluginOptions {
    const fields = new OptionFields(input, {
      what: "options of transformers",
      keys: ["model", "revision", "class", "dtype", "output", "drop_first", ...pixelKeys],
    });
    const model = fields.text("model");
    if (model === undefined) throw fields.error("model", "it is absent, so which model is meant");
    return {
      model,
      revision: fields.text("revision"),
      modelClass: fields.text("class"),
      dtype: fields.text("dtype"),
      output: fields.text("output"),
      dropFirst: fields.integer("drop_first", 0, 0),
      ...parsePixelOptions(fields),
    };
  },
  async create(options, { readFile, notice }) {
    const { createTransformersEncoder } = await import("../encoders/transformers.ts");
    const isFolder = /^(\.{0,2}\/|[a-z][a-z0-9+.-]*:)/i.test(options.model);
    const folder = options.model.replace(/\/+$/, "");
    return await createTransformersEncoder({
      ...options,
      onNotice: notice,
      readFile: isFolder ? (path) => readFile(`${folder}/${path}`) : undefined,
    });
  },
};

export default plugin;
