/**
 * Values of a parquet column by row.
 *
 * @module
 */
import { crc32 } from "../crc32.ts";
import type { ColumnMetadata, Hyparquet, ParquetMetadata, RowGroup, SchemaNode } from "./hyparquet.ts";
import { type DataPage, findPages, usesDictionary, valuesOf } from "./parquet_pages.ts";
import { type RandomAccess, readPart } from "./random_access.ts";

/** Pages that are decoded together: usually one, several where a list goes on in the next. */
interface Stretch {
  readonly pages: readonly DataPage[];
  readonly firstRow: number;
  readonly rows: number;
  readonly dictionary: DataPage | undefined;
}

/** A row group's column: its metadata and where its rows are. */
interface Chunk {
  readonly group: RowGroup;
  readonly meta: ColumnMetadata;
  readonly firstRow: number;
  readonly rows: number;
  stretches?: Promise<readonly Stretch[]>;
}

/** A column, and what is shared with the others. */
export interface ParquetColumnOptions {
  /** Its name. */
  readonly name: string;
  /** The file's metadata. */
  readonly metadata: ParquetMetadata;
  /** The library. */
  readonly library: Hyparquet;
  /** Bytes of decoded pages that are kept, at least one page. */
  readonly cacheBytes: number;
}

/** One column of a parquet file. */
export class ParquetColumn {
  readonly #file: RandomAccess;
  readonly #options: ParquetColumnOptions;
  readonly #path: SchemaNode[];
  readonly #chunks: readonly Chunk[];
  /** Decoded pages, the one used last behind the others. */
  readonly #decoded = new Map<Stretch, Promise<readonly unknown[]>>();

  /**
   * Finds the column in every row group.
   *
   * @throws {RangeError} if a row group does not have it as a column of single values or of lists
   */
  constructor(file: RandomAccess, options: ParquetColumnOptions) {
    const { metadata, name, library } = options;
    this.#file = file;
    this.#options = options;
    let firstRow = 0;
    this.#chunks = metadata.row_groups.map((group, i) => {
      const found = group.columns.filter(({ meta_data: meta }) => meta?.path_in_schema[0] === name);
      if (found.length !== 1) throw new RangeError(`its column "${name}" has ${found.length} parts in row group ${i}`);
      if (found[0]!.file_path) throw new RangeError(`its column "${name}" is in another file`);
      const rows = Number(group.num_rows);
      const chunk = { group, meta: found[0]!.meta_data!, firstRow, rows };
      firstRow += rows;
      return chunk;
    });
    const path = this.#chunks[0]?.meta.path_in_schema ?? [name];
    this.#path = library.getSchemaPath(metadata.schema, path);
  }

  /** The value of a row: text, bytes, a list of them, or null. */
  async at(row: number): Promise<unknown> {
    const chunk = this.#chunks[find(this.#chunks, row)]!;
    const stretches = await this.#stretches(chunk);
    const stretch = stretches[find(stretches, row)];
    if (stretch === undefined) throw new RangeError(`its column "${this.#options.name}" has no value for it`);
    const values = await this.#values(chunk, stretch);
    return values[row - stretch.firstRow];
  }

  /**
   * Rows that are decoded together and the bytes they take, at most and in the first row group, as others are mostly
   * written alike.
   */
  async together(): Promise<{ readonly rows: number; readonly bytes: number }> {
    const [chunk] = this.#chunks;
    const stretches = chunk === undefined ? [] : await this.#stretches(chunk);
    return {
      rows: Math.max(0, ...stretches.map(({ rows }) => rows)),
      bytes: Math.max(0, ...stretches.map(sizeOf)),
    };
  }

  #stretches(chunk: Chunk): Promise<readonly Stretch[]> {
    return chunk.stretches ??= this.#index(chunk).catch((error) => {
      delete chunk.stretches; // the disk may be better off next time
      throw error;
    });
  }

  async #index(chunk: Chunk): Promise<readonly Stretch[]> {
    const { meta, rows } = chunk;
    const { parquetHeader } = this.#options.library;
    const { dictionary, pages } = await findPages(this.#file, { column: meta, parseHeader: parquetHeader });
    const stretches: { pages: DataPage[]; firstRow: number; rows: number; dictionary: DataPage | undefined }[] = [];
    let row = chunk.firstRow;
    for (const page of pages) {
      const { started, continues } = await this.#rowsOf(page, meta);
      const last = stretches.at(-1);
      if (continues && last === undefined) throw new RangeError(`its first page goes on with a list that has no start`);
      const needed = usesDictionary(page) ? dictionary : undefined;
      if (continues && last !== undefined) {
        last.pages.push(page);
        last.rows += started;
        last.dictionary ??= needed;
      } else {
        stretches.push({ pages: [page], firstRow: row, rows: started, dictionary: needed });
      }
      row += started;
    }
    if (row - chunk.firstRow !== rows) {
      throw new RangeError(`its column "${this.#options.name}" has ${row - chunk.firstRow} values for ${rows} rows`);
    }
    return stretches;
  }

  /** How many rows begin in a page, and whether it goes on with one that began before. */
  async #rowsOf(page: DataPage, meta: ColumnMetadata): Promise<{ started: number; continues: boolean }> {
    const { data_page_header: v1, data_page_header_v2: v2, uncompressed_page_size: size } = page.header;
    if (v2 !== undefined) return { started: v2.num_rows, continues: false };
    if (this.#path.every(({ element }) => element.repetition_type !== "REPEATED")) {
      return { started: valuesOf(page), continues: false };
    }
    // Only the page's levels tell, and they are compressed with it.
    const { library } = this.#options;
    const { compressors, parsers } = library;
    const bytes = await readPart(this.#file, { start: page.body, end: page.end });
    checkSum(page, bytes);
    const content = library.decompressPage(bytes, size, meta.codec, compressors);
    const { repetitionLevels } = library.readDataPage(content, v1!, {
      pathInSchema: meta.path_in_schema,
      type: meta.type,
      element: this.#path.at(-1)!.element,
      schemaPath: this.#path,
      codec: meta.codec,
      parsers,
    });
    const started = repetitionLevels.reduce((sum: number, level) => level === 0 ? sum + 1 : sum, 0);
    return { started, continues: repetitionLevels[0] !== 0 };
  }

  #values(chunk: Chunk, stretch: Stretch): Promise<readonly unknown[]> {
    const known = this.#decoded.get(stretch);
    if (known !== undefined) {
      this.#decoded.delete(stretch);
      this.#decoded.set(stretch, known);
      return known;
    }
    const values = this.#decode(chunk, stretch);
    this.#decoded.set(stretch, values);
    values.catch(() => this.#decoded.delete(stretch));
    let bytes = 0;
    for (const other of [...this.#decoded.keys()].reverse()) {
      bytes += sizeOf(other);
      if (bytes > this.#options.cacheBytes && other !== stretch) this.#decoded.delete(other);
    }
    return values;
  }

  /** Decodes pages as if they were the whole file. */
  async #decode({ meta, group }: Chunk, { pages, dictionary, rows }: Stretch): Promise<readonly unknown[]> {
    const { library, metadata, name } = this.#options;
    const { start } = pages[0]!;
    const { end } = pages.at(-1)!;
    let bytes = await readPart(this.#file, { start, end });
    for (const page of pages) checkSum(page, bytes.subarray(page.body - start, page.end - start));
    let [first, second] = [0, 0]; // where the dictionary begins, and the pages
    if (dictionary !== undefined) {
      const before = await readPart(this.#file, dictionary);
      checkSum(dictionary, before.subarray(dictionary.body - dictionary.start));
      [first, second] = [4, 4 + before.length]; // a dictionary at byte 0 would count as absent
      const joined = new Uint8Array(second + bytes.length);
      joined.set(before, first);
      joined.set(bytes, second);
      bytes = joined;
    }
    // Pages are large: what is asked for at once is not copied.
    const slice = (from: number, to: number) =>
      from === 0 && to === bytes.buffer.byteLength ? bytes.buffer : bytes.slice(from, to).buffer;
    const values: unknown[] = [];
    await library.parquetRead({
      file: { byteLength: bytes.length, slice },
      metadata: {
        ...metadata,
        num_rows: BigInt(rows),
        row_groups: [{
          ...group,
          num_rows: BigInt(rows),
          columns: [{
            file_offset: 0n,
            meta_data: {
              ...meta,
              num_values: BigInt(pages.reduce((sum, page) => sum + valuesOf(page), 0)),
              total_compressed_size: BigInt(bytes.length - first),
              data_page_offset: BigInt(second),
              dictionary_page_offset: dictionary === undefined ? undefined : BigInt(first),
            },
          }],
        }],
      },
      columns: [name],
      compressors: library.compressors,
      utf8: false,
      onChunk: ({ columnData }: { readonly columnData: Iterable<unknown> }) => {
        for (const value of columnData) values.push(value);
      },
    });
    if (values.length !== rows) {
      throw new RangeError(`a page of its column "${name}" has ${values.length} of ${rows} rows`);
    }
    return values;
  }
}

/** @throws {RangeError} if what a page holds does not have the checksum of its header, where that has one */
function checkSum({ start, header: { crc } }: DataPage, content: Uint8Array): void {
  if (crc === undefined || crc >>> 0 === crc32(content)) return;
  throw new RangeError(`the page at byte ${start} does not have the checksum that its header promises`);
}

function sizeOf({ pages }: Stretch): number {
  return pages.reduce((sum, page) => sum + page.header.uncompressed_page_size, 0);
}

/** The stretch that a row is in, of stretches in order. */
function find(parts: readonly { readonly firstRow: number }[], row: number): number {
  let [low, high] = [0, parts.length - 1];
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (parts[middle]!.firstRow <= row) low = middle;
    else high = middle - 1;
  }
  return low;
}
