/**
 * Files that are read in parts, for Deno, Node and Bun.
 *
 * @module
 */
import { open } from "node:fs/promises";
import type { RandomAccess } from "../data/datasets/mod.ts";

/** An open file; it is closed when it is disposed of. */
export interface OpenRandomAccess extends RandomAccess, AsyncDisposable {}

/**
 * Opens a file for reading in parts.
 *
 * @throws {TypeError} if there is no such file, or it is a folder
 * @throws the platform's error if it may not be read
 *
 * @example
 * ```ts
 * import { openRandomAccess } from "./random_access.ts";
 *
 * await using file = await openRandomAccess(new URL(import.meta.url));
 * console.log(file.size);
 * ```
 */
export async function openRandomAccess(path: string | URL): Promise<OpenRandomAccess> {
  const handle = await open(path, "r").catch((cause) => {
    const missing = cause instanceof Error && "code" in cause && cause.code === "ENOENT";
    throw missing ? new TypeError(`Cannot open "${path}": there is no such file`, { cause }) : cause;
  });
  const stat = await handle.stat();
  if (!stat.isFile()) {
    await handle.close();
    throw new TypeError(`Cannot open "${path}": it is no file`);
  }
  return {
    size: stat.size,
    async read(start, end) {
      const bytes = new Uint8Array(end - start);
      let done = 0;
      while (done < bytes.length) {
        const { bytesRead } = await handle.read(bytes, done, bytes.length - done, start + done);
        if (bytesRead === 0) break;
        done += bytesRead;
      }
      return bytes.subarray(0, done);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}
