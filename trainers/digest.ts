/**
 * A short text that changes when a number of some parameters does.
 *
 * @module
 */
import type { Backend, Storages } from "../core/backend.ts";
import { crc32 } from "../data/crc32.ts";
import { toHex } from "../data/hub/checksum.ts";
import { bytesOf } from "./tensor_stream.ts";

/** Digest of the parameters a filter lets through, 16 hexadecimal digits: of their names, shapes and numbers. */
export async function digestWeights(
  backend: Backend,
  weights: Storages,
  includes: (name: string) => boolean,
): Promise<string> {
  const lines: string[] = [];
  for (const [name, storage] of weights) {
    if (storage.spec.dtype !== "f32" || !includes(name)) continue;
    lines.push(`${name} ${storage.spec.shape} ${crc32(bytesOf(await backend.read(storage)))}`);
  }
  return await digestText(lines.sort().join("\n"));
}

/** Digest of a text, 16 hexadecimal digits. */
export async function digestText(text: string): Promise<string> {
  return toHex(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text))).slice(0, 16);
}
