/**
 * The contract of a data set: rows of conversations with images, read one at a time.
 *
 * @module
 */
import type { Conversation } from "../chat/conversation.ts";
import type { NearShuffle } from "./epoch_order.ts";

/** Options of reading a row or its images. */
export interface ReadRowOptions {
  /** Ends reading. */
  readonly signal?: AbortSignal | undefined;
}

/** One row: a conversation, and the image files that belong to it. */
export interface Row {
  /** Its number in the data set, from 0. */
  readonly index: number;
  /** File and row for messages, for instance `row 7 of "train.jsonl"`. */
  readonly place: string;
  /** What is said; an `<image>` tag in the file is an image part here. */
  readonly conversation: Conversation;
  /** How the file calls the images; undefined where it holds the bytes themselves. */
  readonly imageNames?: readonly string[] | undefined;
  /**
   * Reads the image files, still encoded, in their order. Nothing is read before it is called.
   *
   * @throws {DatasetError} if one cannot be read
   */
  images(options?: ReadRowOptions): Promise<readonly Uint8Array[]>;
}

/** Rows that are read by number; all of them are never in memory at once. */
export interface Dataset {
  /** Name for messages, usually the file's. */
  readonly name: string;
  /** How many rows there are. */
  readonly length: number;
  /** How to shuffle rows that are read together with their neighbours. Absent where any order is as fast. */
  readonly nearby?: NearShuffle | undefined;
  /**
   * Reads a row, but not its images.
   *
   * @throws {DatasetError} naming file and row if it is damaged or no conversation
   * @throws {RangeError} if there is no such row
   */
  row(index: number, options?: ReadRowOptions): Promise<Row>;
}

/**
 * Checks the number of a row.
 *
 * @throws {RangeError} if the data set has no such row
 */
export function checkRow({ name, length }: Pick<Dataset, "name" | "length">, index: number): void {
  if (Number.isInteger(index) && index >= 0 && index < length) return;
  throw new RangeError(`Cannot read row ${index} of "${name}": it has ${length} rows`);
}

/** A part of a data set, for instance what is kept for validation; its rows keep the numbers of the whole. */
export function selectRows(dataset: Dataset, rows: ArrayLike<number>): Dataset {
  const { name, nearby } = dataset;
  const { length } = rows;
  return {
    name,
    length,
    nearby,
    row(index, options) {
      checkRow({ name, length }, index);
      return dataset.row(rows[index]!, options);
    },
  };
}
