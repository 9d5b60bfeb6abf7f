/**
 * The JSON of a request, no larger than allowed.
 *
 * @module
 */
import { ApiError } from "../api_error.ts";
import { Body } from "./body.ts";

/** What a body may be. */
export interface JsonLimits {
  /** Most bytes. */
  readonly maxBytes: number;
  /** Milliseconds that it may take to come. */
  readonly timeoutMs: number;
  /** What all bodies that are being read may take together. */
  readonly reading: ByteBudget;
}

/** Bytes that several may take together. */
export class ByteBudget {
  #left: number;

  /** Takes how many there are. */
  constructor(bytes: number) {
    this.#left = bytes;
  }

  /** Takes some until they are given back; false if there are not as many. */
  take(bytes: number): boolean {
    if (bytes > this.#left) return false;
    this.#left -= bytes;
    return true;
  }

  /** Gives some back. */
  give(bytes: number): void {
    this.#left += bytes;
  }
}

/** Most objects and lists within each other: what goes through a value by recursion must not run out of stack. */
const maxDepth = 200;

/**
 * Reads a request's body as a JSON object.
 *
 * @throws {ApiError} if it has more than `maxBytes`, takes too long to come, or is no JSON object; with status 429 if
 * too much is being read already
 */
export async function readJson(request: Request, limits: JsonLimits): Promise<Body> {
  const bytes = await readBytes(request, limits);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ApiError("Cannot read the request: it is not JSON", { code: "invalid_json" });
  }
  if (isDeeper(json, maxDepth)) {
    throw new ApiError(`Cannot read the request: it is nested more than ${maxDepth} deep`, { code: "invalid_json" });
  }
  return new Body(json);
}

function isDeeper(value: unknown, levels: number): boolean {
  if (typeof value !== "object" || value === null) return false;
  return levels === 0 || Object.values(value).some((inner) => isDeeper(inner, levels - 1));
}

async function readBytes(request: Request, { maxBytes, timeoutMs, reading }: JsonLimits): Promise<Uint8Array> {
  const tooLarge = () =>
    new ApiError(`Cannot read the request: it has more than ${maxBytes} bytes`, { status: 413, code: "too_large" });
  const tooBusy = () =>
    new ApiError("Cannot read the request: too much is being read already", {
      status: 429,
      code: "too_busy",
      retryAfter: 1,
    });
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0, taken = 0;
  const reader = request.body?.getReader();
  let late = false;
  const timer = setTimeout(() => {
    late = true;
    reader?.cancel().catch(() => {});
  }, timeoutMs);
  try {
    for (let read = await reader?.read(); read?.done === false; read = await reader!.read()) {
      chunks.push(read.value);
      length += read.value.length;
      if (length > maxBytes) throw tooLarge();
      if (!reading.take(read.value.length)) throw tooBusy();
      taken += read.value.length;
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError("Cannot read the request: it ended early", { code: "invalid_body" });
  } finally {
    clearTimeout(timer);
    reading.give(taken);
    if (length > taken) reader?.cancel().catch(() => {}); // it was refused
  }
  if (late) throw new ApiError("Cannot read the request: it takes too long to come", { status: 408, code: "timeout" });
  const bytes = new Uint8Array(length);
  let end = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, end);
    end += chunk.length;
  }
  return bytes;
}
