/**
 * Rows of JSON: one a line, or the elements of one list.
 *
 * @module
 */
import type { ReadFile } from "../image/source.ts";
import { checkRow, type Dataset } from "./dataset.ts";
import { cannotRead, placeOf } from "./dataset_error.ts";
import { readNamedImage } from "./image_folder.ts";
import { type RandomAccess, readPart } from "./random_access.ts";
import { indexArray, indexLines } from "./record_index.ts";
import { parseRow } from "./row_format.ts";

/** Options of {@link openJsonDataset}. */
export interface JsonDatasetOptions {
  /** What messages call the file. */
  readonly name: string;
  /**
   * Reads an image by its path in the image folder, with `/`. It never gets a path that leaves the folder, but has to
   * see to symbolic links. Default: rows with images that are not data URIs are refused.
   */
  readonly readImage?: ReadFile | undefined;
  /** Most bytes of an image file. Default 20 MiB. */
  readonly maxImageBytes?: number | undefined;
  /** Most bytes of a row. Default 64 MiB. */
  readonly maxRowBytes?: number | undefined;
  /** Whether the file is one list, or has a row on each line. Default as its first character tells. */
  readonly layout?: "list" | "lines" | undefined;
  /** Ends opening. */
  readonly signal?: AbortSignal | undefined;
}

/**
 * Opens a JSON file of conversations; `parseRow` tells which forms of rows are read. The file is gone through once to
 * find its rows and never held in memory.
 *
 * @throws {DatasetError} if it is neither lines nor a list
 */
export async function openJsonDataset(file: RandomAccess, options: JsonDatasetOptions): Promise<Dataset> {
  const { name, readImage, maxImageBytes = 20 * 2 ** 20, maxRowBytes = 64 * 2 ** 20, signal } = options;
  const layout = options.layout ?? await layoutOf(file);
  const index = await (layout === "list" ? indexArray : indexLines)(file, { name, signal });
  const utf8 = new TextDecoder("utf-8", { fatal: true, ignoreBOM: false });
  const { length } = index;
  return {
    name,
    length,
    async row(row, { signal } = {}) {
      signal?.throwIfAborted();
      checkRow({ name, length }, row);
      const place = placeOf(name, row);
      const bounds = index.at(row);
      if (bounds.end - bounds.start > maxRowBytes) {
        const problem = `it has ${bounds.end - bounds.start} bytes, more than the ${maxRowBytes} allowed (maxRowBytes)`;
        throw cannotRead(place, { reason: "damaged", problem });
      }
      let json: unknown;
      try {
        json = JSON.parse(utf8.decode(await readPart(file, bounds)));
      } catch (cause) {
        throw cannotRead(place, { reason: "damaged", cause });
      }
      try {
        const { conversation, imageNames } = parseRow(json);
        return {
          index: row,
          place,
          conversation,
          imageNames,
          images: async ({ signal } = {}) => {
            const images: Uint8Array[] = [];
            for (const image of imageNames) {
              images.push(await readNamedImage(image, { place, readImage, maxBytes: maxImageBytes, signal }));
            }
            return images;
          },
        };
      } catch (cause) {
        throw cannotRead(place, { reason: "conversation", cause });
      }
    },
  };
}

async function layoutOf(file: RandomAccess): Promise<"list" | "lines"> {
  const start = new TextDecoder().decode(await readPart(file, { start: 0, end: Math.min(file.size, 4096) }));
  return start.trimStart().startsWith("[") ? "list" : "lines";
}
