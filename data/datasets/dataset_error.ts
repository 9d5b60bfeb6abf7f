/**
 * What is wrong with a row.
 *
 * @module
 */

/**
 * Why a row cannot be learnt from.
 *
 * - `damaged`: its bytes are not what the file promises
 * - `conversation`: there are no turns, or a turn is none
 * - `image-path`: an image lies outside the image folder
 * - `image-missing`: an image file cannot be read
 * - `image-damaged`: an image cannot be decoded, or is larger than allowed
 * - `image-count`: the text asks for another number of images than the row has
 * - `image-place`: two images touch, or text joins an image
 * - `image-cut`: cut to its length, the row would end within an image
 * - `no-labels`: nothing in it, or nothing before the cut, is to be learnt
 */
export type BadRowReason =
  | "damaged"
  | "conversation"
  | "image-path"
  | "image-missing"
  | "image-damaged"
  | "image-count"
  | "image-place"
  | "image-cut"
  | "no-labels";

/** Where a {@link DatasetError} happened, and why. */
export interface DatasetErrorOptions extends ErrorOptions {
  /** Why. */
  readonly reason: BadRowReason;
}

/** A row, or all of a file, cannot be used. */
export class DatasetError extends Error {
  /** Name of the class. */
  override name = "DatasetError";
  /** Why. */
  readonly reason: BadRowReason;

  /** An error that reads `Cannot read <what>: <problem>`. */
  constructor(message: string, { reason, ...options }: DatasetErrorOptions) {
    super(message, options);
    this.reason = reason;
  }
}

/** What messages call a row. */
export function placeOf(file: string, row: number): string {
  return `row ${row} of "${file}"`;
}

/** The error of a file or row that cannot be read; `cause` may be the problem itself. */
export function cannotRead(
  place: string,
  { reason, problem, cause }: { reason: BadRowReason; problem?: string; cause?: unknown },
): DatasetError {
  const text = problem ?? (cause instanceof Error ? cause.message : String(cause));
  return new DatasetError(`Cannot read ${place}: ${text}`, { reason, cause });
}
