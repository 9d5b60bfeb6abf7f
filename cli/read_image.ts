/**
 * Reads images that a command line or a conversation names: files, and with leave https addresses.
 *
 * @module
 */
import { ImageError } from "../core/errors.ts";
import type { ReadFile } from "../data/image/mod.ts";

/** Options of {@link imageReader}. */
export interface ImageReaderOptions {
  /** Whether `https://` addresses are fetched. Default false. */
  readonly allowUrls?: boolean | undefined;
}

/**
 * Makes a reader of image files that stops at the bytes it may read at most, whatever a file or a server claims.
 *
 * It throws an {@link ImageError} that names the file.
 */
export function imageReader({ allowUrls = false }: ImageReaderOptions = {}): ReadFile {
  return async (path, options) => {
    const fail = (problem: string, cause?: unknown) => new ImageError(`Cannot read "${path}": ${problem}`, { cause });
    try {
      if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) return await readFile(path, options);
      if (!/^https:/i.test(path)) throw fail("images are read from files and https addresses");
      if (!allowUrls) throw fail("addresses are only read with --allow-urls");
      const response = await fetch(path, options.signal === undefined ? {} : { signal: options.signal });
      if (!response.ok) throw fail(`the server answers ${response.status}`);
      return await collect(response.body ?? [], options);
    } catch (cause) {
      if (cause instanceof ImageError || options.signal?.aborted) throw cause;
      throw fail(reasonOf(cause), cause);
    }
  };
}

async function readFile(path: string, options: Parameters<ReadFile>[1]): Promise<Uint8Array> {
  using file = await Deno.open(path);
  if ((await file.stat()).isDirectory) throw new Error("it is a folder");
  return await collect(chunksOf(file), options);
}

/** A file piece by piece. Deno would have to load streams first to give one of those. */
async function* chunksOf(file: Deno.FsFile): AsyncGenerator<Uint8Array, void> {
  for (;;) {
    const chunk = new Uint8Array(2 ** 18);
    const length = await file.read(chunk);
    if (length === null) return;
    yield chunk.subarray(0, length);
  }
}

/** Reads until the end, or until there is one byte too many. */
async function collect(
  pieces: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  { maxBytes, signal }: Parameters<ReadFile>[1],
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of pieces) {
    signal?.throwIfAborted();
    chunks.push(chunk);
    length += chunk.length;
    if (length > maxBytes) break;
  }
  const bytes = new Uint8Array(length);
  let end = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, end);
    end += chunk.length;
  }
  return bytes;
}

function reasonOf(cause: unknown): string {
  if (cause instanceof Deno.errors.NotFound) return "there is no such file";
  if (cause instanceof Deno.errors.NotCapable) return "it may not be read, see --allow-read";
  return cause instanceof Error ? cause.message : String(cause);
}
