/**
 * Starts codecs that Emscripten built, from bytes that are part of this package.
 *
 * Their own loaders fetch a file beside them: Node refuses that, Deno asks for a permission, bundlers lose the file.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import { base64ToBytes } from "./data_uri.ts";
import { inflate } from "./inflate.ts";

/** A compiled codec, as `tools/embed_codecs.ts` writes it. */
export interface EmbeddedCodec {
  /** Bytes of the WASM module. */
  readonly size: number;
  /** The module, raw deflate, base64. */
  readonly deflated: string;
}

/** Options of the function that Emscripten writes for a codec. */
export interface EmscriptenOptions {
  /** Whether to leave out a `main`. */
  readonly noInitialRun: boolean;
  /** Where the module's file would be. */
  locateFile(path: string): string;
  /** Takes lines of output. */
  print(line: string): void;
  /** Takes lines of errors. */
  printErr(line: string): void;
  /** Makes the instance and hands it on; returns at once. */
  instantiateWasm(imports: WebAssembly.Imports, receive: (instance: WebAssembly.Instance) => void): unknown;
}

/** A decoder's functions. */
export interface EmscriptenDecoder {
  /** Decodes a file to RGBA, or tells by null that it cannot. */
  decode(file: Uint8Array, ...rest: unknown[]): { width: number; height: number; data: Uint8ClampedArray } | null;
}

/** What a decoder is made of. */
export interface DecoderParts {
  /** The function that Emscripten wrote. */
  readonly factory: (options: EmscriptenOptions) => Promise<EmscriptenDecoder>;
  /** The module it drives. */
  readonly codec: EmbeddedCodec;
}

/** Compiled codecs: for a small image, unpacking and compiling would take longer than decoding. */
const modules = new WeakMap<EmbeddedCodec, Promise<WebAssembly.Module>>();

function compiled(codec: EmbeddedCodec): Promise<WebAssembly.Module> {
  const known = modules.get(codec);
  if (known !== undefined) return known;
  const packed = base64ToBytes(codec.deflated);
  const unpacked = inflate([packed], { format: "deflate-raw", size: codec.size });
  const module = unpacked.then((bytes) => WebAssembly.compile(bytes));
  modules.set(codec, module);
  return module;
}

/**
 * Runs a decoder once, in an instance of its own: a damaged file may abort it in the middle of its work, and its
 * memory never shrinks.
 *
 * @param use Called with the decoder
 * @throws {ImageError} with the decoder's own words where it has any
 */
export async function runDecoder<Result>(
  { factory, codec }: DecoderParts,
  use: (decoder: EmscriptenDecoder) => Result,
): Promise<Result> {
  const module = await compiled(codec);
  const complaints: string[] = [];
  const decoder = await new Promise<EmscriptenDecoder>((resolve, reject) => {
    factory({
      noInitialRun: true,
      locateFile: (path) => path,
      print: () => {},
      printErr: (line) => complaints.push(line),
      instantiateWasm: (imports, receive) => {
        WebAssembly.instantiate(module, imports).then(receive).catch(reject);
        return {};
      },
    }).then(resolve, reject);
  });
  try {
    return use(decoder);
  } catch (cause) {
    throw new ImageError(complaints.at(-1) ?? (cause instanceof Error ? cause.message : String(cause)), { cause });
  }
}
