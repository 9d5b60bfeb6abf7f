/**
 * Writes PyTorch's zip format (since 1.6), which `torch.load(…, weights_only=True)` reads.
 *
 * @module
 */
import { WeightError } from "../../core/errors.ts";
import { elementCount, formatShape } from "../../core/graph/tensor.ts";
import { elementBytes } from "../element_types.ts";
import { joinChunks, type SavedTensor } from "../saved_tensor.ts";
import { pickleTensors, type StoredTensor } from "./write_pickle.ts";
import { type RecordToWrite, zipChunks } from "./write_zip.ts";

/** Folder of the records; PyTorch takes any. */
const folder = "archive";

/** Version of the format that every PyTorch since 1.6 reads. */
const version = "3\n";

/**
 * A file in pieces: an `OrderedDict` of names and tensors, in the map's order. A tensor under two names is stored once,
 * and its names share the storage in PyTorch. Equal tensors make equal bytes.
 *
 * @throws {WeightError} naming the tensor if its bytes do not fit its shape, and if the file is over 4 GB
 */
export function torchCheckpointChunks(tensors: ReadonlyMap<string, SavedTensor>): Generator<Uint8Array> {
  const keys = new Map<SavedTensor, string>();
  const records: RecordToWrite[] = [];
  const stored = new Map<string, StoredTensor>();
  for (const [name, tensor] of tensors) {
    const key = keys.get(tensor) ?? String(keys.size);
    if (!keys.has(tensor)) records.push({ name: `${folder}/data/${key}`, toBytes: () => checkedBytes(name, tensor) });
    keys.set(tensor, key);
    stored.set(name, { dtype: tensor.dtype, shape: tensor.shape, key });
  }
  const text = (text: string) => () => new TextEncoder().encode(text);
  return zipChunks([
    { name: `${folder}/data.pkl`, toBytes: () => pickleTensors(stored) },
    { name: `${folder}/byteorder`, toBytes: text("little") },
    ...records,
    { name: `${folder}/version`, toBytes: text(version) },
  ]);
}

/** The whole of {@link torchCheckpointChunks}. */
export function writeTorchCheckpoint(tensors: ReadonlyMap<string, SavedTensor>): Uint8Array<ArrayBuffer> {
  return joinChunks(torchCheckpointChunks(tensors));
}

function checkedBytes(name: string, tensor: SavedTensor): Uint8Array {
  const bytes = tensor.toBytes();
  if (bytes.length === elementCount(tensor.shape) * elementBytes[tensor.dtype]) return bytes;
  throw new WeightError(
    `Cannot write "${name}": ${bytes.length} bytes for ${tensor.dtype} ${formatShape(tensor.shape)}`,
  );
}
