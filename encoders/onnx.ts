/**
 * Any ONNX file with a vision model as an encoder, computed by onnxruntime-web.
 *
 * The runtime (some 140 MB in the npm registry) is imported when the first encoder is created. In Deno it computes on
 * one thread, because its worker threads do not start there; Deno needs the permission to read its files.
 *
 * @module
 */
import type { HostEncoder } from "../core/encoder.ts";
import { ConfigError } from "../core/errors.ts";
import { featureLayout } from "./feature_layout.ts";
import { createHostEncoder } from "./host_encoder.ts";
import { importPackage } from "./import_package.ts";
import type { PixelOptions } from "./pixel_options.ts";

/** Options of {@link createOnnxEncoder}. */
export interface OnnxEncoderOptions extends PixelOptions {
  /** The file. Its one input takes pixels `[1,3,S,S]` f32. */
  readonly model: Uint8Array;
  /** Edge S of the square input. Default what the file fixes; needed where it leaves it open. */
  readonly size?: number | undefined;
  /** Mean per channel of pixels in 0…1: no ONNX file says it. */
  readonly mean: readonly [number, number, number];
  /** Standard deviation per channel of pixels in 0…1: no ONNX file says it. */
  readonly std: readonly [number, number, number];
  /** Output to take, by name or place. Default `last_hidden_state`, or the first where none is called so. */
  readonly output?: string | number | undefined;
  /** Vectors at the front of the output to leave out, such as a class token. Default 0. */
  readonly dropFirst?: number | undefined;
  /** Imports the runtime in another way, such as from a bundle: `() => import("onnxruntime-web")`. */
  readonly importRuntime?: (() => Promise<unknown>) | undefined;
}

/** Name, type and extents of an input or output; a word stands for an extent that is known only at run time. */
interface ValueMetadata {
  readonly name: string;
  readonly isTensor: boolean;
  readonly type?: string;
  readonly shape?: readonly (number | string)[];
}

/** A tensor of the runtime. */
interface OrtTensor {
  readonly data: unknown;
  readonly dims: readonly number[];
}

/** A loaded model. */
interface OrtSession {
  readonly inputMetadata: readonly ValueMetadata[];
  readonly outputMetadata: readonly ValueMetadata[];
  run(feeds: Readonly<Record<string, OrtTensor>>, fetches: readonly string[]): Promise<Record<string, OrtTensor>>;
  release(): Promise<void>;
}

/** What is used of onnxruntime-web. */
interface Ort {
  readonly env: { readonly wasm: { numThreads?: number } };
  readonly Tensor: new (type: "float32", data: Float32Array, dims: readonly number[]) => OrtTensor;
  readonly InferenceSession: {
    create(model: Uint8Array, options: Readonly<Record<string, unknown>>): Promise<OrtSession>;
  };
}

/** The version that the tests run with. */
const version = "1.30.0";

/**
 * Creates an encoder from an ONNX file. Input and output are read from the file, and where it leaves extents open, from
 * one run on blank pixels.
 *
 * @throws {ConfigError} if the runtime cannot be imported, the file is no vision model, or the options contradict it
 */
export async function createOnnxEncoder(options: OnnxEncoderOptions): Promise<HostEncoder> {
  const { mean, std, fit, filter, dropFirst = 0, importRuntime } = options;
  const ort = await importPackage({ name: "onnxruntime-web", version, load: importRuntime }) as Ort;
  const session = await openSession(ort, options.model);
  try {
    const { input, size } = findInput(session, options.size);
    const output = findOutput(session, options.output);
    const run = async (pixels: Float32Array): Promise<OrtTensor> => {
      const feeds = { [input]: new ort.Tensor("float32", pixels, [1, 3, size, size]) };
      return (await session.run(feeds, [output.name]))[output.name]!;
    };
    const fixed = output.shape?.every((extent) => typeof extent === "number");
    const extents = fixed ? output.shape as readonly number[] : (await run(new Float32Array(3 * size * size))).dims;
    return createHostEncoder({
      name: "onnx",
      pixels: { size, mean, std, fit, filter },
      layout: featureLayout(extents, { dropFirst, what: `output "${output.name}" of the ONNX file` }),
      compute: async (pixels) => (await run(pixels)).data as Float32Array,
      release: () => session.release(),
    });
  } catch (error) {
    await session.release();
    throw error;
  }
}

async function openSession(ort: Ort, model: Uint8Array): Promise<OrtSession> {
  const { Worker } = globalThis;
  if (globalThis.navigator?.userAgent?.startsWith("Deno/")) ort.env.wasm.numThreads = 1;
  try {
    return await ort.InferenceSession.create(model, { executionProviders: ["wasm"], logSeverityLevel: 3 });
  } catch (cause) {
    const reason = cause instanceof Error ? cause.message : String(cause);
    throw new ConfigError(`Cannot open the ONNX file: ${reason}`, { cause });
  } finally {
    globalThis.Worker = Worker; // the runtime takes Deno for Node and puts Node's in its place
  }
}

/** The one input and the edge of the images it takes. */
function findInput({ inputMetadata }: OrtSession, wanted: number | undefined): { input: string; size: number } {
  const [input, ...others] = inputMetadata;
  if (input === undefined || others.length > 0) {
    const names = inputMetadata.map(({ name }) => name).join(", ") || "none";
    throw new ConfigError(`Cannot use the ONNX file: its inputs are ${names}, expected one that takes pixels`);
  }
  const { name, type, shape = [] } = input;
  const [batch, channels, height, width] = shape;
  const open = (extent: number | string | undefined, value: number) => typeof extent === "string" || extent === value;
  const square = typeof height === "string" || typeof width === "string" || height === width;
  if (type !== "float32" || shape.length !== 4 || !open(batch, 1) || !open(channels, 3) || !square) {
    const found = `${type ?? "not a tensor"} [${shape.join(", ")}]`;
    throw new ConfigError(`Cannot use input "${name}" of the ONNX file: ${found}, expected float32 [1, 3, S, S]`);
  }
  const fixed = [height, width].find((extent) => typeof extent === "number");
  const size = wanted ?? fixed;
  if (size === undefined) {
    throw new ConfigError(`Cannot use input "${name}" of the ONNX file: it leaves the image size open, so give one`);
  }
  if (fixed !== undefined && size !== fixed) {
    throw new ConfigError(`Cannot use input "${name}" of the ONNX file: it takes ${fixed} pixels, not ${size}`);
  }
  return { input: name, size };
}

function findOutput({ outputMetadata }: OrtSession, wanted: string | number | undefined): ValueMetadata {
  const named = (name: string) => outputMetadata.find((output) => output.name === name);
  const found = typeof wanted === "number"
    ? outputMetadata[wanted]
    : wanted !== undefined
    ? named(wanted)
    : named("last_hidden_state") ?? outputMetadata[0];
  if (found === undefined) {
    const names = outputMetadata.map(({ name }) => name).join(", ");
    throw new ConfigError(`Cannot find output ${JSON.stringify(wanted)} of the ONNX file: there are ${names}`);
  }
  if (found.type !== "float32") {
    throw new ConfigError(`Cannot use output "${found.name}" of the ONNX file: it is ${found.type}, expected float32`);
  }
  return found;
}
