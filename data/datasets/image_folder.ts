/**
 * Image files that rows name: only those within the folder that was given for them.
 *
 * @module
 */
import { isDataUri, readDataUri } from "../image/data_uri.ts";
import type { ReadFile } from "../image/source.ts";
import { cannotRead, DatasetError } from "./dataset_error.ts";

/** How the images of a row are read. */
export interface ImageFolderOptions {
  /** What messages call the row. */
  readonly place: string;
  /** Reads a file of the image folder by its path in it, with `/`. Symbolic links are its own business. */
  readonly readImage?: ReadFile | undefined;
  /** Most bytes of a file. */
  readonly maxBytes: number;
  /** Ends reading. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Reads an image file by the name a row has for it: a path in the image folder, or a data URI.
 *
 * @throws {DatasetError} if the path leaves the folder, or the file cannot be read
 */
export async function readNamedImage(name: string, options: ImageFolderOptions): Promise<Uint8Array> {
  const { place, readImage, maxBytes, signal } = options;
  try {
    if (isDataUri(name)) return readDataUri(name, { maxBytes });
    const path = checkPath(name, place);
    if (readImage === undefined) throw new TypeError("no image folder was given");
    return await readImage(path, { maxBytes, ...signal && { signal } });
  } catch (cause) {
    if (cause instanceof DatasetError || signal?.aborted) throw cause;
    const problem = cause instanceof Error ? cause.message : String(cause);
    const what = isDataUri(name) ? `${name.slice(0, 40)}…` : name;
    throw cannotRead(place, { reason: "image-missing", problem: `its image "${what}": ${problem}`, cause });
  }
}

/** The path of an image in its folder, with `/`; some data sets were made on Windows. */
function checkPath(name: string, place: string): string {
  const path = name.replaceAll("\\", "/");
  const parts = path.split("/").filter((part) => part !== "." && part !== "");
  const outside = path.startsWith("/") || /^[a-z][a-z0-9+.-]*:/i.test(path) || path.includes("\0");
  if (!outside && !parts.includes("..") && parts.length > 0) return parts.join("/");
  throw cannotRead(place, { reason: "image-path", problem: `its image "${name}" is not within the image folder` });
}
