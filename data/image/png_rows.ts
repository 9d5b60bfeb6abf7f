/**
 * Puts the unpacked bytes of a PNG together into rows, and undoes the filters of the rows.
 *
 * @module
 */
import { ImageError } from "../../core/errors.ts";
import type { PngHeader } from "./png_chunks.ts";

/** Where the pixels of a row belong. */
export interface RowPlace {
  /** Row of the image. */
  readonly y: number;
  /** Column of the row's first pixel. */
  readonly x: number;
  /** Columns from one pixel to the next. */
  readonly step: number;
  /** Pixels of the row. */
  readonly count: number;
  /** Whether it is the first of its pass, with nothing above it. */
  readonly first: boolean;
}

/** First column and row, and distances, of the pixels of a pass. */
type Pass = readonly [x: number, y: number, stepX: number, stepY: number];

const wholeImage: readonly Pass[] = [[0, 0, 1, 1]];
const adam7: readonly Pass[] = [
  [0, 0, 8, 8],
  [4, 0, 8, 8],
  [0, 4, 4, 8],
  [2, 0, 4, 4],
  [0, 2, 2, 4],
  [1, 0, 2, 2],
  [0, 1, 1, 2],
];

/** Takes unpacked bytes as they come and hands on whole rows. */
export class PngRows {
  readonly #onRow: (row: Uint8Array, place: RowPlace) => void;
  readonly #places: Generator<RowPlace>;
  readonly #bitsPerPixel: number;
  #place: RowPlace | undefined;
  /** The current row: its filter, then its samples. */
  #line = new Uint8Array();
  #filled = 0;
  /** Samples of the row above in the same pass. */
  #above = new Uint8Array();

  /** Starts at the first row; `onRow` gets the samples of each, packed as in the file and valid until the next. */
  constructor(header: PngHeader, onRow: (row: Uint8Array, place: RowPlace) => void) {
    this.#onRow = onRow;
    this.#places = placesOf(header);
    this.#bitsPerPixel = header.channels * header.depth;
    this.#nextPlace();
  }

  /** The row that is not whole yet; undefined when all are. */
  get missing(): RowPlace | undefined {
    return this.#place;
  }

  /** Takes the next bytes; what comes after the last row is left. @throws {ImageError} at an unknown filter */
  push(bytes: Uint8Array): void {
    let taken = 0;
    while (this.#place !== undefined && taken < bytes.length) {
      const part = bytes.subarray(taken, taken + this.#line.length - this.#filled);
      this.#line.set(part, this.#filled);
      taken += part.length;
      this.#filled += part.length;
      if (this.#filled === this.#line.length) this.#endRow(this.#place);
    }
  }

  #endRow(place: RowPlace): void {
    const row = this.#line.subarray(1);
    const distance = Math.max(1, this.#bitsPerPixel >> 3);
    if (!undoFilter(row, { filter: this.#line[0]!, above: this.#above, distance })) {
      throw new ImageError(`row ${place.y} has the unknown filter ${this.#line[0]}`);
    }
    this.#onRow(row, place);
    this.#above.set(row);
    this.#nextPlace();
  }

  #nextPlace(): void {
    const next = this.#places.next();
    this.#place = next.done ? undefined : next.value;
    this.#filled = 0;
    if (!this.#place?.first) return;
    const bytes = Math.ceil(this.#place.count * this.#bitsPerPixel / 8);
    this.#line = new Uint8Array(1 + bytes);
    this.#above = new Uint8Array(bytes);
  }
}

function* placesOf({ width, height, interlaced }: PngHeader): Generator<RowPlace, void> {
  for (const [x, top, step, stepY] of interlaced ? adam7 : wholeImage) {
    const count = Math.ceil((width - x) / step);
    for (let y = top; y < height && count > 0; y += stepY) yield { y, x, step, count, first: y === top };
  }
}

/** Adds to each byte what its filter predicts from bytes to the left and above; false if there is no such filter. */
function undoFilter(
  row: Uint8Array,
  { filter, above, distance }: { filter: number; above: Uint8Array; distance: number },
): boolean {
  switch (filter) {
    case 0:
      return true;
    case 1:
      for (let i = distance; i < row.length; i++) row[i]! += row[i - distance]!;
      return true;
    case 2:
      for (let i = 0; i < row.length; i++) row[i]! += above[i]!;
      return true;
    case 3:
      for (let i = 0; i < row.length; i++) {
        const left = i < distance ? 0 : row[i - distance]!;
        row[i]! += (left + above[i]!) >> 1;
      }
      return true;
    case 4:
      for (let i = 0; i < distance && i < row.length; i++) row[i]! += above[i]!;
      for (let i = distance; i < row.length; i++) row[i]! += paeth(row[i - distance]!, above[i]!, above[i - distance]!);
      return true;
    default:
      return false;
  }
}

/** Whichever of left, up and corner is nearest to left + up − corner. */
function paeth(left: number, up: number, corner: number): number {
  const toLeft = Math.abs(up - corner);
  const toUp = Math.abs(left - corner);
  const toCorner = Math.abs(left + up - 2 * corner);
  if (toLeft <= toUp && toLeft <= toCorner) return left;
  return toUp <= toCorner ? up : corner;
}
