/**
 * Starts codecs that Emscripten built, from bytes that are part of this package.
 *
 * Their own loaders fetch a file beside them: Node refuses that, Deno asks for a permission, bundlers lose the file.
 *
 * @module
 */
import { decodeBase64 } from "../../core/base64.ts";
import { ImageError } from "../../core/errors.ts";

/** A compiled codec, as `tools/embed_codecs.ts` writes it. */
export interface EmbeddedCodec {
  /** The WASM module in base64. */
  readonly module: string;
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

/** Compiled codecs: for a small image, compiling would take longer than decoding. */
const modules = new WeakMap<EmbeddedCodec, Promise<WebAssembly.Module>>();

/** Compiles a codec, or gives it as it was compiled before. */
export function compileCodec(codec: EmbeddedCodec): Promise<WebAssembly.Module> {
  const known = modules.get(codec);
  if (known !== undefined) return known;
  const module = WebAssembly.compile(decodeBase64(codec.module));
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
  const module = await compileCodec(codec);
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
