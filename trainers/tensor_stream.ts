/**
 * Writes safetensors files tensor by tensor, straight from a backend, with one tensor in the host's memory at a time.
 *
 * @module
 */
import type { Backend, Storages } from "../core/backend.ts";
import { elementCount } from "../core/graph/tensor.ts";
import type { FileWriter } from "../data/hub/file_store.ts";

/** A tensor of four-byte numbers in a header. */
export interface HeaderTensor {
  /** Name in the file. */
  readonly name: string;
  /** Extents, slowest first. */
  readonly shape: readonly number[];
  /** Type. Default `F32`. */
  readonly dtype?: "F32" | "I32" | undefined;
}

/** The bytes of a safetensors file before its data, which follow in the order of the tensors. */
export function tensorHeader(
  tensors: readonly HeaderTensor[],
  metadata: Readonly<Record<string, string>>,
): Uint8Array {
  let end = 0;
  const entries = tensors.map(({ name, shape, dtype = "F32" }) => {
    const begin = end;
    end += 4 * elementCount(shape);
    return [name, { dtype, shape, data_offsets: [begin, end] }] as const;
  });
  const json = new TextEncoder().encode(JSON.stringify({ __metadata__: metadata, ...Object.fromEntries(entries) }));
  const bytes = new Uint8Array(8 + Math.ceil(json.length / 8) * 8).fill(0x20); // padded with spaces
  new DataView(bytes.buffer).setBigUint64(0, BigInt(bytes.length - 8), true);
  bytes.set(json, 8);
  return bytes;
}

/** Writes storages of f32 as a safetensors file, in their order. The writer stays open. */
export async function writeStorages(backend: Backend, storages: Storages, writer: FileWriter): Promise<void> {
  const tensors = [...storages].map(([name, { spec }]) => ({ name, shape: spec.shape }));
  await writer.write(tensorHeader(tensors, { format: "pt" }));
  for (const storage of storages.values()) await writer.write(bytesOf(await backend.read(storage)));
}

/** The bytes of numbers, not copied. */
export function bytesOf({ buffer, byteOffset, byteLength }: Float32Array | Int32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}
