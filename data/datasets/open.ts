/**
 * Opens a data set, whichever kind of file it is.
 *
 * @module
 */
import type { Dataset } from "./dataset.ts";
import { type JsonDatasetOptions, openJsonDataset } from "./json_dataset.ts";
import { openParquetDataset, type ParquetDatasetOptions } from "./parquet.ts";
import { type RandomAccess, readPart } from "./random_access.ts";

/** Options of {@link openDataset}; those of the other kind of file are ignored. */
export interface OpenDatasetOptions extends JsonDatasetOptions, ParquetDatasetOptions {}

/**
 * Opens a parquet file, lines of JSON or a JSON list; its first bytes tell.
 *
 * @throws {DatasetError} if it is damaged
 *
 * @example
 * ```ts
 * import { bytesAccess, openDataset } from "./mod.ts";
 *
 * const line = `{"conversations": [{"content": "1 + 1?"}, {"content": "2"}]}\n`;
 * const dataset = await openDataset(bytesAccess(new TextEncoder().encode(line)), { name: "sums.jsonl" });
 * console.log((await dataset.row(0)).conversation.messages[1]); // { role: "assistant", content: "2" }
 * ```
 */
export async function openDataset(file: RandomAccess, options: OpenDatasetOptions): Promise<Dataset> {
  const start = await readPart(file, { start: 0, end: Math.min(4, file.size) });
  const isParquet = String.fromCharCode(...start) === "PAR1";
  return await (isParquet ? openParquetDataset : openJsonDataset)(file, options);
}
