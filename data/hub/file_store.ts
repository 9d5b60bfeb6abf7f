/**
 * Where downloaded files are kept: the little that is asked of a disk, so that a browser can offer it too.
 *
 * Paths are relative to the store, with forward slashes. Errors are the platform's own; one with code `ENOSPC` or
 * `EDQUOT`, or named `QuotaExceededError`, is understood as a lack of room.
 *
 * @module
 */

/** Size and age of a file. */
export interface FileStat {
  /** Bytes. */
  readonly size: number;
  /** Time of the last change, in milliseconds since 1970. */
  readonly modified: number;
}

/** A file found by {@link FileStore.list}. */
export interface StoredFile extends FileStat {
  /** Its path in the store. */
  readonly path: string;
}

/** An open file that grows at its end. */
export interface FileWriter {
  /** Appends all of a chunk. */
  write(chunk: Uint8Array): Promise<void>;
  /** Makes sure that everything is kept and closes the file. */
  close(): Promise<void>;
}

/** A place for files. */
export interface FileStore {
  /** Where it is, for messages. */
  readonly location: string;
  /** Whether {@link FileStore.locate} gives paths on a disk. Default false. */
  readonly onDisk?: boolean | undefined;
  /** Where one of its files is, for messages and for whoever opens files by name. */
  locate(path: string): string;
  /** Size and age of a file, undefined if there is none. */
  stat(path: string): Promise<FileStat | undefined>;
  /** All of a file. */
  read(path: string): Promise<Uint8Array<ArrayBuffer>>;
  /** SHA-256 of a file in lower-case hexadecimal. */
  sha256(path: string): Promise<string>;
  /** Opens a file, and the folders above it, for writing after its first `at` bytes; what lay behind them goes. */
  append(path: string, at: number): Promise<FileWriter>;
  /** Marks a file as changed now. False if there is none. */
  touch(path: string): Promise<boolean>;
  /** Moves a file in one step, over another one if need be. False if there is none, or it is held by another. */
  rename(from: string, to: string): Promise<boolean>;
  /** Removes a file or a folder with all in it. Nothing happens if there is none. */
  remove(path: string): Promise<void>;
  /** The files in a folder and the folders below it, in no order; none if there is no such folder. */
  list(folder: string): Promise<readonly StoredFile[]>;
  /** Bytes that still fit; undefined where nobody can tell. */
  free(): Promise<number | undefined>;
}

/** Whether an error says that there is no room left. */
export function isLackOfRoom(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  return ["ENOSPC", "EDQUOT"].includes(codeOf(error)) || error.name === "QuotaExceededError";
}

/** Whether an error comes from a store and not from the network. */
export function isStoreError(error: unknown): boolean {
  return error instanceof Error && (isLackOfRoom(error) || /^E[A-Z]+$/.test(codeOf(error)));
}

function codeOf(error: Error): string {
  return "code" in error && typeof error.code === "string" ? error.code : "";
}
