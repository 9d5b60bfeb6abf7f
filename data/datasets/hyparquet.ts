/**
 * The parquet library, loaded when the first parquet file is opened. Its parts are named one by one, for its door
 * under Deno and Node reads files itself.
 *
 * @module
 */

/** What is known of a column in a row group; names are those of the parquet format. */
export interface ColumnMetadata {
  /** Names on the way to it. */
  readonly path_in_schema: string[];
  /** Its physical type. */
  readonly type: string;
  /** How its pages are compressed. */
  readonly codec: string;
  /** Values, elements of lists included. */
  readonly num_values: bigint;
  /** Bytes of all its pages. */
  readonly total_compressed_size: bigint;
  /** First byte of its first page with values. */
  readonly data_page_offset: bigint;
  /** First byte of its dictionary. */
  readonly dictionary_page_offset?: bigint | undefined;
}

/** Rows that were written together. */
export interface RowGroup {
  /** How many there are. */
  readonly num_rows: bigint;
  /** Their columns. */
  readonly columns: readonly { readonly file_path?: string; readonly meta_data?: ColumnMetadata }[];
}

/** A node of the schema. */
export interface SchemaNode {
  /** Its description. */
  readonly element: { readonly repetition_type?: string };
}

/** What the end of a file tells. */
export interface ParquetMetadata {
  /** Rows of the file. */
  readonly num_rows: bigint;
  /** The root and its columns, depth first. */
  readonly schema: { readonly name: string }[];
  /** The rows. */
  readonly row_groups: readonly RowGroup[];
}

/** How many values a page has, and how they are written. */
export interface ValuesHeader {
  /** Values, elements of lists included. */
  readonly num_values: number;
  /** How they are written. */
  readonly encoding: string;
}

/** The header of a page. */
export interface PageHeader {
  /** `DATA_PAGE`, `DATA_PAGE_V2`, `DICTIONARY_PAGE` or something else. */
  readonly type: string;
  /** Bytes behind the header. */
  readonly compressed_page_size: number;
  /** Bytes once they are decompressed. */
  readonly uncompressed_page_size: number;
  /** CRC-32 of what is behind the header. */
  readonly crc?: number;
  /** Of a page of version 1. */
  readonly data_page_header?: ValuesHeader;
  /** Of a page of version 2, which begins with a row. */
  readonly data_page_header_v2?: ValuesHeader & { readonly num_rows: number };
}

/** Bytes and a place in them. */
export interface DataReader {
  /** The bytes. */
  view: DataView;
  /** The place. */
  offset: number;
}

/** What is used of the library. */
export interface Hyparquet {
  /** Reads the end of a file, which tells what is in it. */
  parquetMetadataAsync(file: {
    byteLength: number;
    slice(start: number, end?: number): Promise<ArrayBuffer>;
  }): Promise<ParquetMetadata>;
  /** Reads values. */
  parquetRead(options: object): Promise<void>;
  /** Reads the header of a page and moves the reader behind it. */
  parquetHeader(reader: DataReader): PageHeader;
  /** Decompresses a page. */
  decompressPage(bytes: Uint8Array, size: number, codec: string, compressors: object): Uint8Array;
  /** Reads the levels and values of a page of version 1. */
  readDataPage(bytes: Uint8Array, header: ValuesHeader, decoder: object): { readonly repetitionLevels: number[] };
  /** The nodes of the schema on the way to a column, from the root on. */
  getSchemaPath(schema: object[], path: string[]): SchemaNode[];
  /** Turn bytes into what a column's type says. */
  readonly parsers: object;
  /** Decompression by codec. */
  readonly compressors: object;
}

/** Loads the library. */
export async function loadHyparquet(): Promise<Hyparquet> {
  const [column, convert, datapage, metadata, read, schema, { compressors }] = await Promise.all([
    import("hyparquet/src/column.js"),
    import("hyparquet/src/convert.js"),
    import("hyparquet/src/datapage.js"),
    import("hyparquet/src/metadata.js"),
    import("hyparquet/src/read.js"),
    import("hyparquet/src/schema.js"),
    import("hyparquet-compressors"),
  ]);
  return {
    parquetMetadataAsync: metadata.parquetMetadataAsync,
    parquetRead: read.parquetRead,
    parquetHeader: column.parquetHeader,
    decompressPage: datapage.decompressPage,
    readDataPage: datapage.readDataPage,
    getSchemaPath: schema.getSchemaPath,
    parsers: convert.DEFAULT_PARSERS,
    compressors,
  };
}
