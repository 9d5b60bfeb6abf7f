/**
 * Upstream's parquet files: `conversations`, a text of JSON, and `image_bytes`, one image file or a list of them.
 *
 * @module
 */
import { parseConversation } from "../chat/conversation.ts";
import { checkRow, type Dataset } from "./dataset.ts";
import { cannotRead, placeOf } from "./dataset_error.ts";
import type { NearShuffle } from "./epoch_order.ts";
import { type Hyparquet, loadHyparquet } from "./hyparquet.ts";
import { ParquetColumn } from "./parquet_column.ts";
import { type RandomAccess, readPart } from "./random_access.ts";
import { parseTurns } from "./row_format.ts";

/** Options of {@link openParquetDataset}. */
export interface ParquetDatasetOptions {
  /** What messages call the file. */
  readonly name: string;
  /** Bytes of decoded pages kept for each column. Default 64 MiB. */
  readonly cacheBytes?: number | undefined;
  /** Ends opening. */
  readonly signal?: AbortSignal | undefined;
}

const [conversationColumn, imageColumn] = ["conversations", "image_bytes"];

/**
 * Opens a parquet file; plain, snappy, zstd and the other common codecs, data pages of both versions. Its end is read
 * at once, the headers of a row group's pages when a row of it is first asked for, and of pages only those needed.
 *
 * @throws {DatasetError} if it is damaged or has no `conversations`
 */
export async function openParquetDataset(file: RandomAccess, options: ParquetDatasetOptions): Promise<Dataset> {
  const { name, cacheBytes = 64 * 2 ** 20, signal } = options;
  let length: number;
  let columns: { conversations: ParquetColumn; images: ParquetColumn | undefined };
  try {
    const library = await loadHyparquet();
    signal?.throwIfAborted();
    const metadata = await readMetadata(file, library);
    length = Number(metadata.num_rows);
    const rows = metadata.row_groups.reduce((sum, group) => sum + Number(group.num_rows), 0);
    if (!Number.isSafeInteger(length) || length < 0 || rows !== length) {
      throw new RangeError(`its row groups have ${rows} rows, not ${metadata.num_rows}`);
    }
    const names = metadata.schema.map(({ name }) => name);
    if (!names.includes(conversationColumn)) {
      throw new RangeError(`it has no column "${conversationColumn}", only ${names.slice(1).join(", ")}`);
    }
    const column = (name: string) => new ParquetColumn(file, { name, metadata, library, cacheBytes });
    columns = {
      conversations: column(conversationColumn),
      images: names.includes(imageColumn) ? column(imageColumn) : undefined,
    };
  } catch (cause) {
    if (signal?.aborted) throw cause;
    throw cannotRead(`"${name}"`, { reason: "damaged", cause });
  }
  return {
    name,
    length,
    nearby: await nearShuffle(columns.images, { length, cacheBytes }),
    async row(row, { signal } = {}) {
      signal?.throwIfAborted();
      checkRow({ name, length }, row);
      const place = placeOf(name, row);
      const read = (column: ParquetColumn) =>
        column.at(row).catch((cause) => {
          throw cannotRead(place, { reason: "damaged", cause });
        });
      const turns = await read(columns.conversations);
      try {
        return {
          index: row,
          place,
          conversation: parseConversation(parseTurns(parseJson(turns))),
          images: async ({ signal } = {}) => {
            signal?.throwIfAborted();
            const value = columns.images === undefined ? [] : await read(columns.images);
            const images = (Array.isArray(value) ? value : [value]).filter((image) =>
              image !== null && image !== undefined
            );
            if (images.every((image) => image instanceof Uint8Array)) return images.filter((image) => image.length > 0);
            throw cannotRead(place, { reason: "damaged", problem: `its "${imageColumn}" are not bytes` });
          },
        };
      } catch (cause) {
        throw cannotRead(place, { reason: "conversation", cause });
      }
    },
  };
}

/** As many pages are mixed as the cache holds; where it holds all of the file, any order will do. */
async function nearShuffle(
  images: ParquetColumn | undefined,
  { length, cacheBytes }: { readonly length: number; readonly cacheBytes: number },
): Promise<NearShuffle | undefined> {
  // A page that cannot be read is the error of its rows, and of the others it is none.
  const { rows, bytes } = await images?.together().catch(() => undefined) ?? { rows: 0, bytes: 0 };
  if (rows === 0 || Math.ceil(length / rows) * bytes <= cacheBytes) return undefined;
  return { stretch: rows, open: Math.max(1, Math.floor(cacheBytes / bytes)) };
}

async function readMetadata(file: RandomAccess, { parquetMetadataAsync }: Hyparquet) {
  const slice = async (start: number, end: number = file.size) => (await readPart(file, { start, end })).slice().buffer;
  if (file.size < 12) throw new RangeError(`it has ${file.size} bytes, too few for a parquet file`);
  return await parquetMetadataAsync({ byteLength: file.size, slice });
}

/** What the column holds: text, its bytes where the writer did not say that it is text, or JSON that is parsed. */
function parseJson(value: unknown): unknown {
  const text = value instanceof Uint8Array ? new TextDecoder("utf-8", { fatal: true }).decode(value) : value;
  return typeof text === "string" ? JSON.parse(text) : text;
}
