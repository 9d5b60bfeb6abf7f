/**
 * The index of a checkpoint in several files: `model.safetensors.index.json` or `pytorch_model.bin.index.json`.
 *
 * @module
 */
import { WeightError } from "../core/errors.ts";
import { findRepeatedKey } from "./json_keys.ts";

/** Whether a file starts like a JSON object, which no checkpoint does. */
export function isShardIndex(bytes: Uint8Array): boolean {
  const start = new TextDecoder("latin1").decode(bytes.subarray(0, 64));
  return /^\s*\{/.test(start) && !start.includes("\0");
}

/**
 * The shard of every tensor; `name` is the index's, for messages.
 *
 * @throws {WeightError} if the file is not such an index, has a name twice or leads out of its folder
 */
export function parseShardIndex(bytes: Uint8Array, name: string): Map<string, string> {
  const fail = (problem: string, cause?: unknown) =>
    new WeightError(`Cannot open ${JSON.stringify(name)}: ${problem}`, { cause });
  let text: string;
  let index: unknown;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
    index = JSON.parse(text);
  } catch (cause) {
    throw fail("it is not JSON", cause);
  }
  const shards = isRecord(index) ? index["weight_map"] : undefined;
  if (!isRecord(shards)) throw fail(`it has no "weight_map"`);
  const repeated = findRepeatedKey(text);
  if (repeated !== undefined) throw fail(`it has ${JSON.stringify(repeated)} twice`);
  return new Map(
    Object.entries(shards).map(([tensor, shard]) => {
      if (typeof shard === "string" && /^[^/\\]+$/.test(shard) && !shard.startsWith(".")) return [tensor, shard];
      throw fail(`${JSON.stringify(shard)} is not the name of a file`);
    }),
  );
}

function isRecord(value: unknown): value is Readonly<Record<string, unknown>> {
  return typeof value === "object" && value !== null && !Array.isArray(value);
}
