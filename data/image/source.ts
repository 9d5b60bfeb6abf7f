/**
 * Where the bytes of an image come from, and how many there may be.
 *
 * @module
 */
import type { ImageSource, ReadFile } from "../../core/chat_events.ts";
import { ImageError } from "../../core/errors.ts";
import { isDataUri, readDataUri } from "./data_uri.ts";

export type { ImageSource, ReadFile };

/** How to read a source. */
export interface SourceOptions {
  /** Most bytes of the file. */
  readonly maxBytes: number;
  /** Reads texts that are no data URI. Default: they are refused. */
  readonly readFile?: ReadFile | undefined;
  /** Ends reading. */
  readonly signal?: AbortSignal | undefined;
}

/** What messages call a source without a name of its own. */
export function nameOf(source: ImageSource): string {
  if (typeof source === "string") return isDataUri(source) ? shorten(source) : source;
  return source instanceof Blob && "name" in source && typeof source.name === "string" ? source.name : "image";
}

/** The start of a data URI: its media type, and hardly any data. */
function shorten(uri: string): string {
  return uri.length > 40 ? `${uri.slice(0, 40)}…` : uri;
}

/**
 * The bytes of a source, not copied where they are bytes already.
 *
 * @throws {ImageError} if there are more than `maxBytes`, a data URI is malformed, or nothing reads a path
 */
export async function readSource(source: ImageSource, options: SourceOptions): Promise<Uint8Array> {
  const { maxBytes, readFile, signal } = options;
  if (source instanceof Uint8Array) return checkSize(source, maxBytes);
  if (source instanceof ArrayBuffer) return checkSize(new Uint8Array(source), maxBytes);
  if (source instanceof Blob) {
    checkSize({ length: source.size }, maxBytes);
    return new Uint8Array(await source.arrayBuffer());
  }
  if (isDataUri(source)) return checkSize(readDataUri(source, { maxBytes }), maxBytes);
  if (readFile === undefined) throw new ImageError("it is no data URI, and no readFile was given for paths");
  return checkSize(await readFile(source, { maxBytes, ...signal && { signal } }), maxBytes);
}

function checkSize<Bytes extends { readonly length: number }>(bytes: Bytes, maxBytes: number): Bytes {
  if (bytes.length <= maxBytes) return bytes;
  throw new ImageError(`it has more than the ${maxBytes} bytes allowed (maxBytes)`);
}
