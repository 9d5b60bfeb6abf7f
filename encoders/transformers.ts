/**
 * Any vision model of transformers.js as an encoder: DINOv2, ViT, CLIP, SigLIP, ConvNeXt and what else it has.
 *
 * The library (with its native runtimes some 400 MB in the npm registry) is imported when the first encoder is created.
 * In Deno and Node it computes natively, so Deno needs the permissions `--allow-read --allow-env --allow-sys
 * --allow-ffi`, and `--allow-net` and `--allow-write` for a model of the hub, which the library downloads and caches
 * itself.
 *
 * @module
 */
import type { HostEncoder } from "../core/encoder.ts";
import { ConfigError } from "../core/errors.ts";
import { formatShape } from "../core/graph/tensor.ts";
import { featureLayout } from "./feature_layout.ts";
import { type ReadModelFile, type TransformersEnv, withFolder } from "./folder_files.ts";
import { createHostEncoder } from "./host_encoder.ts";
import { importPackage } from "./import_package.ts";
import type { PixelOptions } from "./pixel_options.ts";
import { processorPixels } from "./processor_pixels.ts";

/** Options of {@link createTransformersEncoder}. Pixels are as the model's `preprocessor_config.json` says by default. */
export interface TransformersEncoderOptions extends PixelOptions {
  /** The model: an id of the hub such as `onnx-community/dinov2-small`, or with `readFile` its name for messages. */
  readonly model: string;
  /** Reads the model's files, which are then looked for nowhere else: `config.json`, `onnx/model.onnx`, …. */
  readonly readFile?: ReadModelFile | undefined;
  /** Branch, tag or commit of the hub. Default `main`. */
  readonly revision?: string | undefined;
  /** Class of the library that loads it. Default `AutoModel`; half a model needs its own, as `SiglipVisionModel`. */
  readonly modelClass?: string | undefined;
  /** Which of the model's ONNX files: `fp32` (default), `fp16`, `q8`, `q4` and others that the library knows. */
  readonly dtype?: string | undefined;
  /** Output to take. Default `last_hidden_state`. */
  readonly output?: string | undefined;
  /** Vectors at the front of the output to leave out, such as a class token. Default 0. */
  readonly dropFirst?: number | undefined;
  /** Told where the model wants its images in a way that a `PixelSpec` cannot say. */
  readonly onNotice?: ((notice: string) => void) | undefined;
  /** Imports the library in another way, such as from a bundle: `() => import("@huggingface/transformers")`. */
  readonly importRuntime?: (() => Promise<unknown>) | undefined;
}

/** A tensor of the library. */
interface HfTensor {
  readonly type: string;
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** A loaded model: a function with a method. */
interface HfModel {
  (inputs: { readonly pixel_values: HfTensor }): Promise<Record<string, HfTensor>>;
  dispose(): Promise<unknown>;
}

/** A class that loads something. */
interface Loader<Loaded> {
  from_pretrained(model: string, options: Readonly<Record<string, unknown>>): Promise<Loaded>;
}

/** What is used of transformers.js. */
interface Transformers {
  readonly env: TransformersEnv;
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => HfTensor;
  readonly AutoImageProcessor: Loader<{ readonly config?: unknown }>;
}

/** The version that the tests run with. */
const version = "4.3.1";

/**
 * Creates an encoder from a model of transformers.js. Its grid is that of one run on blank pixels.
 *
 * @throws {ConfigError} if the library or the model cannot be loaded, or the model gives no features
 */
export async function createTransformersEncoder(options: TransformersEncoderOptions): Promise<HostEncoder> {
  const { output = "last_hidden_state", dropFirst = 0, importRuntime } = options;
  const what = `transformers model "${options.model}"`;
  const library = await importPackage({ name: "@huggingface/transformers", version, load: importRuntime });
  const { Tensor } = library as Transformers;
  const { model, processor } = await loadModel(library as Transformers, { ...options, what });
  try {
    const pixels = processorPixels(processor, { what, given: options, notice: options.onNotice ?? (() => {}) });
    const { size } = pixels;
    const run = async (image: Float32Array): Promise<HfTensor> => {
      const outputs = await model({ pixel_values: new Tensor("float32", image, [1, 3, size, size]) });
      return checkOutput(outputs, { output, what });
    };
    const { dims } = await run(new Float32Array(3 * size * size));
    return createHostEncoder({
      name: options.model,
      pixels,
      layout: featureLayout(dims, { dropFirst, what: `output "${output}" of ${what}` }),
      compute: async (image) => (await run(image)).data as Float32Array,
      release: () => model.dispose(),
    });
  } catch (error) {
    await model.dispose();
    throw error;
  }
}

/** The model and its parsed `preprocessor_config.json`, if it has one. */
async function loadModel(
  library: Transformers,
  { model: id, readFile, revision, modelClass = "AutoModel", dtype = "fp32", what }: TransformersEncoderOptions & {
    readonly what: string;
  },
): Promise<{ model: HfModel; processor: unknown }> {
  const loader = (library as unknown as Record<string, Loader<HfModel> | undefined>)[modelClass];
  if (typeof loader?.from_pretrained !== "function") {
    throw new ConfigError(`Cannot load ${what}: transformers.js has no class "${modelClass}"`);
  }
  const common = { revision, local_files_only: readFile !== undefined };
  const load = async (name: string) => {
    const processor = await library.AutoImageProcessor.from_pretrained(name, common).catch(() => undefined);
    return { processor: processor?.config, model: await loader.from_pretrained(name, { ...common, dtype }) };
  };
  try {
    return readFile === undefined ? await load(id) : await withFolder(library.env, { readFile, load });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`Cannot load ${what}: ${reason}`, { cause });
  }
}

function checkOutput(
  outputs: Record<string, HfTensor>,
  { output, what }: { readonly output: string; readonly what: string },
): HfTensor {
  const tensor = outputs[output];
  if (tensor?.data instanceof Float32Array) return tensor;
  const there = Object.entries(outputs).map(([name, { type, dims }]) => `"${name}" ${type} ${formatShape(dims)}`);
  throw new ConfigError(`Cannot find output "${output}" of ${what} as float32: there are ${there.join(", ")}`);
}
