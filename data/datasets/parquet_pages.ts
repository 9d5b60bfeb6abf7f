/**
 * Where the pages of a parquet column are, so that a row costs a page and not a row group, which may be gigabytes.
 *
 * Most writers leave out parquet's own index of pages; the headers of the pages tell the same.
 *
 * @module
 */
import type { ColumnMetadata, Hyparquet, PageHeader } from "./hyparquet.ts";
import { type RandomAccess, readPart } from "./random_access.ts";

/** A page of values. */
export interface DataPage {
  /** First byte of its header. */
  readonly start: number;
  /** First byte behind its header. */
  readonly body: number;
  /** The byte behind its last. */
  readonly end: number;
  /** What the header tells. */
  readonly header: PageHeader;
}

/** The pages of one column in one row group. */
export interface ColumnPages {
  /** The page that dictionary-coded pages need. */
  readonly dictionary?: DataPage | undefined;
  /** The pages with values, in order. */
  readonly pages: readonly DataPage[];
}

/** Largest page, compressed or not. */
const maxPageSize = 2 ** 30;
const firstWindow = 1 << 14;

/**
 * Reads the headers of all pages of a column.
 *
 * @throws {RangeError} if they contradict the file
 */
export async function findPages(
  file: RandomAccess,
  { column, parseHeader }: { readonly column: ColumnMetadata; readonly parseHeader: Hyparquet["parquetHeader"] },
): Promise<ColumnPages> {
  const first = column.dictionary_page_offset || column.data_page_offset; // some writers leave a 0
  const [from, to] = [Number(first), Number(first) + Number(column.total_compressed_size)];
  if (!(from >= 0 && to <= file.size)) throw new RangeError(`its bytes ${from} to ${to} are not within the file`);
  const pages: DataPage[] = [];
  let dictionary: DataPage | undefined;
  let values = 0;
  const window = new Window(file, to);
  for (let at = from; at < to && values < Number(column.num_values);) {
    const { header, length } = await window.parse(at, parseHeader);
    const { compressed_page_size: size, uncompressed_page_size: uncompressed, type } = header;
    const page = { start: at, body: at + length, end: at + length + size, header };
    if (!(size >= 0 && page.end <= to)) throw new RangeError(`the page at byte ${at} goes beyond its column`);
    if (!(uncompressed >= 0 && uncompressed <= maxPageSize)) {
      throw new RangeError(`the page at byte ${at} would have ${uncompressed} bytes`);
    }
    at = page.end;
    if (type === "DICTIONARY_PAGE") dictionary = page;
    if (type !== "DATA_PAGE" && type !== "DATA_PAGE_V2") continue;
    const count = valuesOf(page);
    // Every value takes a bit at least, unless all are the same.
    if (!(count >= 0 && values + count <= Number(column.num_values))) {
      throw new RangeError(`the page at byte ${page.start} has ${count} values, more than its column`);
    }
    values += count;
    pages.push(page);
  }
  if (values !== Number(column.num_values)) {
    throw new RangeError(`its pages have ${values} values, not ${column.num_values}`);
  }
  return { dictionary, pages };
}

/** Values of a page; of a list every element is one, and so is an empty list. */
export function valuesOf({ header }: DataPage): number {
  return (header.data_page_header ?? header.data_page_header_v2)?.num_values ?? 0;
}

/** Whether a page's values stand in the dictionary. */
export function usesDictionary({ header }: DataPage): boolean {
  return (header.data_page_header ?? header.data_page_header_v2)?.encoding.endsWith("_DICTIONARY") ?? false;
}

/** A part of the file that is likely to hold the next header too. */
class Window {
  readonly #file: RandomAccess;
  readonly #end: number;
  #start = 0;
  #bytes: Uint8Array<ArrayBuffer> = new Uint8Array();

  constructor(file: RandomAccess, end: number) {
    this.#file = file;
    this.#end = end;
  }

  async parse(at: number, parseHeader: Hyparquet["parquetHeader"]): Promise<{ header: PageHeader; length: number }> {
    const inside = at >= this.#start && at < this.#start + this.#bytes.length;
    for (let size = inside ? 0 : firstWindow;; size = Math.max(firstWindow, 4 * size)) {
      if (size > 0) {
        this.#start = at;
        this.#bytes = await readPart(this.#file, { start: at, end: Math.min(this.#end, at + size) });
      }
      const reader = { view: new DataView(this.#bytes.buffer, at - this.#start), offset: 0 };
      try {
        return { header: parseHeader(reader), length: reader.offset };
      } catch (cause) {
        // Statistics make a header longer than the window; a damaged one never ends.
        if (at + size >= this.#end || size > 1 << 24) {
          const problem = cause instanceof Error ? cause.message : String(cause);
          throw new RangeError(`the page at byte ${at} cannot be read: ${problem}`, { cause });
        }
      }
    }
  }
}
