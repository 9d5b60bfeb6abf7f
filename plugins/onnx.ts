/**
 * `onnx`: any ONNX file with a vision model, computed by onnxruntime-web. Options: `file` (relative to the config),
 * `image_mean`, `image_std`, `image_size` (where the file leaves it open), `fit`, `filter`, `output` (name or place) and
 * `drop_first` (vectors at the front that belong to no patch, such as a class token).
 *
 * @module
 */
import type { Plugin } from "../core/plugin.ts";
import type { OnnxEncoderOptions } from "../encoders/onnx.ts";
import { OptionFields } from "./option_fields.ts";
import { parsePixelOptions, pixelKeys } from "./pixel_options.ts";

/** Options of the `onnx` encoder in a config. */
export interface OnnxPluginOptions extends Omit<OnnxEncoderOptions, "model" | "importRuntime"> {
  /** Path or URL of the ONNX file, relative to the config. */
  readonly file: string;
}

/** ONNX files. */
const plugin: Plugin<"encoder", OnnxPluginOptions> = {
  contract: 1,
  kind: "encoder",
  name: "onnx",
  summary: "any ONNX vision model, through onnxruntime-web",
  unsupported: () => typeof WebAssembly === "undefined" ? "there is no WebAssembly here" : undefined,
  parseOptions(input): OnnxPluginOptions {
    const fields = new OptionFields(input, {
      what: "options of onnx",
      keys: ["file", ...pixelKeys, "output", "drop_first"],
    });
    const file = fields.text("file");
    const { mean, std, ...pixels } = parsePixelOptions(fields);
    if (file === undefined) throw fields.error("file", "it is absent, so which ONNX file is meant");
    // Defaults would be right for some models and, without a word, wrong for others.
    if (mean === undefined) throw fields.error("image_mean", "it is absent, and no ONNX file says it");
    if (std === undefined) throw fields.error("image_std", "it is absent, and no ONNX file says it");
    const place = typeof fields.raw("output") === "number" ? fields.integer("output", 0, 0) : undefined;
    const output = place ?? fields.text("output");
    return { file, mean, std, ...pixels, output, dropFirst: fields.integer("drop_first", 0, 0) };
  },
  // Files come through the context, which knows what a relative path means and what may be read at all.
  async create({ file, ...options }, { readFile }) {
    const { createOnnxEncoder } = await import("../encoders/onnx.ts");
    return await createOnnxEncoder({ ...options, model: await readFile(file) });
  },
};

export default plugin;
