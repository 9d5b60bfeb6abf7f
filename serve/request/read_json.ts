/**
 * The JSON of a request, no larger than allowed.
 *
 * @module
 */
import { ApiError } from "../api_error.ts";
import { Body } from "./body.ts";

/**
 * Reads a request's body as a JSON object.
 *
 * @throws {ApiError} if it has more than `maxBytes`, or is no JSON object
 */
export async function readJson(request: Request, maxBytes: number): Promise<Body> {
  const bytes = await readBytes(request, maxBytes);
  let json: unknown;
  try {
    json = JSON.parse(new TextDecoder("utf-8", { fatal: true }).decode(bytes));
  } catch {
    throw new ApiError("Cannot read the request: it is not JSON", { code: "invalid_json" });
  }
  return new Body(json);
}

async function readBytes(request: Request, maxBytes: number): Promise<Uint8Array> {
  const tooLarge = () =>
    new ApiError(`Cannot read the request: it has more than ${maxBytes} bytes`, { status: 413, code: "too_large" });
  if (Number(request.headers.get("content-length")) > maxBytes) throw tooLarge();
  const chunks: Uint8Array[] = [];
  let length = 0;
  try {
    for await (const chunk of request.body ?? []) {
      chunks.push(chunk);
      length += chunk.length;
      if (length > maxBytes) throw tooLarge();
    }
  } catch (error) {
    if (error instanceof ApiError) throw error;
    throw new ApiError("Cannot read the request: it ended early", { code: "invalid_body" });
  }
  const bytes = new Uint8Array(length);
  let end = 0;
  for (const chunk of chunks) {
    bytes.set(chunk, end);
    end += chunk.length;
  }
  return bytes;
}
