/**
 * The images of a folder of the disk, and nothing that a symbolic link in it leads to outside, for Deno, Node and Bun.
 *
 * @module
 */
import { readFile, realpath, stat } from "node:fs/promises";
import { resolve, sep } from "node:path";
import { ImageError } from "../core/errors.ts";
import type { ReadFile } from "../data/image/mod.ts";

/**
 * Makes a reader of the files of a folder, by their path in it.
 *
 * It throws an {@link ImageError} if a file is not within the folder, is missing, or has more than `maxBytes`.
 */
export function openImageFolder(folder: string): ReadFile {
  let root: Promise<string> | undefined;
  return async (path, { maxBytes, signal }) => {
    const start = await (root ??= realpath(resolve(folder)).catch((cause) => {
      root = undefined;
      throw new ImageError(`there is no image folder ${folder}`, { cause });
    }));
    const place = await realpath(resolve(start, path)).catch((cause) => {
      throw new ImageError(`it cannot be read from ${folder}: ${codeOf(cause)}`, { cause });
    });
    if (!place.startsWith(start.endsWith(sep) ? start : start + sep)) {
      throw new ImageError(`it is outside the image folder ${folder}`);
    }
    const { size } = await stat(place);
    if (size > maxBytes) throw new ImageError(`its ${size} bytes are more than the ${maxBytes} allowed (maxBytes)`);
    try {
      return new Uint8Array(await readFile(place, signal === undefined ? {} : { signal }));
    } catch (cause) {
      if (signal?.aborted) throw cause;
      throw new ImageError(`it cannot be read from ${folder}: ${codeOf(cause)}`, { cause });
    }
  };
}

function codeOf(cause: unknown): string {
  if (cause instanceof Error && "code" in cause && cause.code === "ENOENT") return "there is no such file";
  return cause instanceof Error ? cause.message : String(cause);
}
