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
      if (!/^[a-z][a-z0-9+.-]+:\/\//i.test(path)) return await readStream(await openFile(path), options);
      if (!/^https:/i.test(path)) throw fail("images are read from files and https addresses");
      if (!allowUrls) throw fail("addresses are only read with --allow-urls");
      const response = await fetch(path, options.signal === undefined ? {} : { signal: options.signal });
      if (!response.ok) throw fail(`the server answers ${response.status}`);
      return await readStream(response.body ?? new Blob([]).stream(), options);
    } catch (cause) {
      if (cause instanceof ImageError || options.signal?.aborted) throw cause;
      throw fail(reasonOf(cause), cause);
    }
  };
}

async function openFile(path: string): Promise<ReadableStream<Uint8Array>> {
  const file = await Deno.open(path);
  if ((await file.stat()).isDirectory) {
    file.close();
    throw new Error("it is a folder");
  }
  return file.readable;
}

/** Reads until the end, or until there is one byte too many. */
async function readStream(
  stream: ReadableStream<Uint8Array>,
  { maxBytes, signal }: Parameters<ReadFile>[1],
): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of stream) {
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
