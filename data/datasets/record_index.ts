/**
 * Where the rows of a JSON file are: 16 bytes of memory for each, found in one pass over the file.
 *
 * @module
 */
import { cannotRead } from "./dataset_error.ts";
import { type RandomAccess, readPart } from "./random_access.ts";

/** Places of rows in a file. */
export interface RecordIndex {
  /** How many rows there are. */
  readonly length: number;
  /** First byte of a row, and the one behind its last. */
  at(row: number): { readonly start: number; readonly end: number };
}

/** Options of {@link indexLines} and {@link indexArray}. */
export interface IndexOptions {
  /** What messages call the file. */
  readonly name: string;
  /** Ends reading. */
  readonly signal?: AbortSignal | undefined;
}

const chunkSize = 1 << 20;
const [newline, quote, backslash, comma] = [0x0a, 0x22, 0x5c, 0x2c];
const [openList, closeList, openObject, closeObject] = [0x5b, 0x5d, 0x7b, 0x7d];

/** Finds the lines of a file that are not blank. */
export async function indexLines(file: RandomAccess, { signal }: IndexOptions): Promise<RecordIndex> {
  const places = new Places();
  let start = 0; // of the line
  let blank = true;
  for await (const { chunk, at } of chunks(file, signal)) {
    for (let from = 0; from < chunk.length;) {
      const found = chunk.indexOf(newline, from);
      const end = found < 0 ? chunk.length : found;
      for (let i = from; blank && i < end; i++) blank = isSpace(chunk[i]!);
      if (found < 0) break;
      if (!blank) places.add(start, at + end);
      [start, blank, from] = [at + end + 1, true, end + 1];
    }
  }
  if (!blank) places.add(start, file.size);
  return places;
}

/**
 * Finds the elements of a file that is one list.
 *
 * @throws {DatasetError} if the list has no end, or something is behind it
 */
export async function indexArray(file: RandomAccess, { name, signal }: IndexOptions): Promise<RecordIndex> {
  const places = new Places();
  const fail = (problem: string) => cannotRead(`"${name}"`, { reason: "damaged", problem });
  let start = -1; // of the element
  let end = -1; // behind its last byte that is no white space
  let depth = 0;
  let [inText, escaped, closed] = [false, false, false];
  for await (const { chunk, at } of chunks(file, signal)) {
    for (let i = 0; i < chunk.length; i++) {
      const byte = chunk[i]!;
      if (inText) {
        if (escaped) escaped = false;
        else if (byte === backslash) escaped = true;
        else if (byte === quote) inText = false;
        end = at + i + 1;
        continue;
      }
      if (isSpace(byte)) continue;
      if (closed) throw fail(`something is behind its list, at byte ${at + i}`);
      if (depth === 0) {
        if (byte !== openList) throw fail("it is not a JSON list");
        depth = 1;
        continue;
      }
      if (depth === 1 && (byte === comma || byte === closeList)) {
        // A comma before nothing is refused, but `[]` is a list without elements.
        if (start >= 0) places.add(start, end);
        else if (byte === comma || places.length > 0) throw fail(`an element is missing, at byte ${at + i}`);
        start = -1;
        closed = byte === closeList;
        continue;
      }
      if (start < 0) start = at + i;
      if (byte === quote) inText = true;
      else if (byte === openList || byte === openObject) depth++;
      else if (byte === closeList || byte === closeObject) depth--;
      end = at + i + 1;
    }
  }
  if (!closed) throw fail(`its list has no end; it was cut off in or after row ${places.length}`);
  return places;
}

/** Starts and ends of rows. */
class Places implements RecordIndex {
  #bounds = new Float64Array(1024); // [rows, 2]
  #length = 0;

  get length(): number {
    return this.#length;
  }

  add(start: number, end: number): void {
    if (2 * this.#length === this.#bounds.length) {
      const larger = new Float64Array(4 * this.#length);
      larger.set(this.#bounds);
      this.#bounds = larger;
    }
    this.#bounds.set([start, end], 2 * this.#length++);
  }

  at(row: number): { start: number; end: number } {
    return { start: this.#bounds[2 * row]!, end: this.#bounds[2 * row + 1]! };
  }
}

async function* chunks(
  file: RandomAccess,
  signal: AbortSignal | undefined,
): AsyncGenerator<{ readonly chunk: Uint8Array; readonly at: number }> {
  for (let at = 0; at < file.size; at += chunkSize) {
    signal?.throwIfAborted();
    const chunk = await readPart(file, { start: at, end: Math.min(file.size, at + chunkSize) });
    // A byte order mark counts as white space.
    if (at === 0 && chunk[0] === 0xef && chunk[1] === 0xbb && chunk[2] === 0xbf) chunk.fill(0x20, 0, 3);
    yield { chunk, at };
  }
}

function isSpace(byte: number): boolean {
  return byte === 0x20 || byte === newline || byte === 0x0d || byte === 0x09;
}
