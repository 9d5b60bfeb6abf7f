/**
 * Reads PyTorch checkpoints, `.pth` and `.bin`, without executing anything.
 *
 * A PyTorch file is a pickle, a program that rebuilds objects. Here it runs on a machine that knows only plain data,
 * tensors and the few names of an allow-list; anything else is refused by name and byte.
 *
 * @module
 */
import { WeightError } from "../../core/errors.ts";
import { type ByteSource, byteSource } from "../byte_source.ts";
import { type FlatCheckpoint, flatten } from "./flatten.ts";
import { legacyMagic, type TorchFormat, torchFormat } from "./format.ts";
import { readLegacyCheckpoint } from "./legacy_checkpoint.ts";
import { readZipCheckpoint } from "./zip_checkpoint.ts";

export type { ElementType } from "../element_types.ts";
export type { CheckpointValue, FlatCheckpoint } from "./flatten.ts";
export { type TorchFormat, torchFormat } from "./format.ts";
export type { StridedLayout, TorchStorage, TorchTensor } from "./tensor.ts";

/** What a PyTorch file holds. */
export interface TorchCheckpoint extends FlatCheckpoint {
  /** Format of the file. */
  readonly format: TorchFormat;
}

/** Options of {@link readTorchCheckpoint}. */
export interface TorchCheckpointOptions {
  /**
   * Whether to compare a zip's records with their CRC-32, half a second for a gigabyte: at once where the file is in
   * memory, else when a tensor of the record is first read. Default true.
   */
  readonly checksums?: boolean | undefined;
  /** Tells the file when a tensor that is read turns out damaged. Default: the error as it is. */
  readonly onDamage?: ((error: WeightError) => WeightError) | undefined;
}

/**
 * Reads a file. Tensors are read and widened one by one when asked for; those of a file in memory are views of it.
 *
 * @throws {WeightError} naming record, opcode or global and byte: a damaged or truncated file, a checksum that does
 *   not match, a tensor outside its storage, big-endian numbers, an opcode or a name that is not allowed
 */
export function readTorchCheckpoint(
  file: Uint8Array | ByteSource,
  options: TorchCheckpointOptions = {},
): TorchCheckpoint {
  const { checksums = true, onDamage = (error) => error } = options;
  const source = byteSource(file);
  const format = torchFormat(source.read(0, Math.min(legacyMagic.length, source.length)));
  if (format === undefined) {
    throw new WeightError(`Cannot read PyTorch "file": its ${file.length} bytes do not start like a checkpoint`);
  }
  const root = format === "zip"
    ? readZipCheckpoint(source, { checksums, lazily: source === file, onDamage })
    : readLegacyCheckpoint(source.read(0, source.length));
  return { format, ...flatten(root) };
}
