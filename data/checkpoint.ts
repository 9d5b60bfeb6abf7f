/**
 * Opens a checkpoint of any format: one file or many with an index, told apart by content, not by name.
 *
 * @module
 */
import { WeightError } from "../core/errors.ts";
import type { SourceTensor, TensorSource } from "../core/weights.ts";
import { type ByteSource, byteSource } from "./byte_source.ts";
import type { TensorType } from "./element_types.ts";
import { isShardIndex, parseShardIndex } from "./shard_index.ts";
import { joinQuantised } from "./quantised_tensors.ts";
import { readSafetensors } from "./safetensors.ts";
import { torchFormat } from "./torch_checkpoint/format.ts";
import type { CheckpointValue, TorchCheckpointOptions } from "./torch_checkpoint/mod.ts";

/** A file. */
export interface NamedBytes {
  /** Its name, for messages; the last part must be the index's name for it where there is an index. */
  readonly name: string;
  /** Its content, in memory or to be read when needed. */
  readonly bytes: Uint8Array | ByteSource;
}

/** A tensor of a checkpoint. */
export interface CheckpointTensor extends SourceTensor {
  /** Element type in the file. */
  readonly dtype: TensorType;
}

/** Format of a file with tensors. */
export type CheckpointFormat = "safetensors" | "pytorch zip" | "pytorch legacy";

/** A file with tensors. */
export interface CheckpointFile {
  /** Its name. */
  readonly name: string;
  /** Its format. */
  readonly format: CheckpointFormat;
  /** Its size. */
  readonly bytes: number;
}

/** Everything that one file holds, or several together. */
export interface Checkpoint {
  /** The files with tensors. */
  readonly files: readonly CheckpointFile[];
  /** All tensors by name, nested keys joined by `/`. */
  readonly tensors: ReadonlyMap<string, CheckpointTensor>;
  /** Everything else: a training run's counters and settings, or the free texts of safetensors. */
  readonly values: ReadonlyMap<string, CheckpointValue>;
}

/** What one file holds. */
interface Contents extends Omit<Checkpoint, "files"> {
  readonly format: CheckpointFormat;
}

/**
 * Opens safetensors, PyTorch's `.pth` and `.bin`, or shards of either together with their index.
 *
 * Tensors are read and widened to f32 one by one when asked for; those of files in memory are views of them.
 * What reads PyTorch's files is loaded for the first of them.
 *
 * @throws {WeightError} naming the file: empty, damaged, not a checkpoint, not in the index or missing there
 */
export async function openCheckpoint(
  files: readonly NamedBytes[],
  options: TorchCheckpointOptions = {},
): Promise<Checkpoint> {
  const indexes = files.filter(({ bytes }) => isShardIndex(startOf(bytes)));
  const shards = files.filter((file) => !indexes.includes(file));
  const names = shards.map(({ name }) => JSON.stringify(name)).join(", ");
  if (indexes.length > 1) throw new WeightError(`Cannot open ${names}: there is more than one index`);
  if (indexes.length === 0 && shards.length !== 1) {
    throw new WeightError(`Cannot open ${names || "a checkpoint"}: ${shards.length} files and no index`);
  }
  const opened: { file: NamedBytes; contents: Contents }[] = [];
  for (const file of shards) opened.push({ file, contents: await openFile(file, options) });
  if (indexes[0] !== undefined) checkShards(indexes[0], opened);
  return {
    files: opened.map(({ file: { name, bytes }, contents: { format } }) => ({ name, format, bytes: bytes.length })),
    tensors: joinQuantised(new Map(opened.flatMap(({ contents }) => [...contents.tensors]))),
    values: new Map(opened.flatMap(({ contents }) => [...contents.values])),
  };
}

/** Opens one file and puts its name in front of what is wrong with it. */
async function openFile({ name, bytes }: NamedBytes, options: TorchCheckpointOptions): Promise<Contents> {
  const onDamage = (cause: WeightError) => {
    const problem = cause.message.replace(/^Cannot read (PyTorch|safetensors) /, "");
    return new WeightError(`Cannot open ${JSON.stringify(name)}: ${problem}`, { cause });
  };
  try {
    const start = startOf(bytes);
    const format = torchFormat(start);
    if (format !== undefined) {
      const { readTorchCheckpoint } = await import("./torch_checkpoint/mod.ts");
      return { ...readTorchCheckpoint(bytes, { onDamage, ...options }), format: `pytorch ${format}` };
    }
    if (!looksLikeSafetensors(start)) throw new WeightError(describeOther(start));
    const { tensors, metadata } = readSafetensors(bytes);
    return { format: "safetensors", tensors, values: metadata };
  } catch (cause) {
    throw cause instanceof WeightError ? onDamage(cause) : cause;
  }
}

/** The first bytes of a file, by which formats are told apart. */
function startOf(bytes: NamedBytes["bytes"]): Uint8Array {
  return byteSource(bytes).read(0, Math.min(512, bytes.length));
}

/** A header's length that could be true, then its opening brace. */
function looksLikeSafetensors(bytes: Uint8Array): boolean {
  return bytes.length > 8 && bytes[8] === 0x7b && bytes.subarray(5, 8).every((byte) => byte === 0);
}

/** What a file is that is no checkpoint. */
function describeOther(bytes: Uint8Array): string {
  const start = new TextDecoder("latin1").decode(bytes);
  if (start === "") return "the file is empty";
  if (start.startsWith("version https://git-lfs")) {
    const size = /^size (\d+)/m.exec(start)?.[1] ?? "unknown";
    return `it is a Git LFS pointer to a file of ${size} bytes; fetch the file itself with "git lfs pull"`;
  }
  if (/^\s*</.test(start)) return "it is a web page or another XML text, not a checkpoint";
  if (start.startsWith("GGUF")) return "it is a GGUF file, which is not read";
  if (bytes[0] === 0x80 && bytes[1]! <= 5) return "it is a pickle, but not one that torch.save() writes";
  const hex = [...bytes.subarray(0, 8)].map((byte) => byte.toString(16).padStart(2, "0")).join(" ");
  return `it is neither safetensors nor a PyTorch checkpoint; it starts with ${hex}`;
}

/** Holds files and index against each other: every tensor is in the shard it should be in, and nothing else is. */
function checkShards(index: NamedBytes, opened: readonly { file: NamedBytes; contents: Contents }[]): void {
  const expected = parseShardIndex(byteSource(index.bytes).read(0, index.bytes.length), index.name);
  const fail = (problem: string) => new WeightError(`Cannot open ${JSON.stringify(index.name)}: ${problem}`);
  const shards = new Map(opened.map(({ file, contents }) => [file.name.split("/").at(-1)!, contents.tensors]));
  if (shards.size < opened.length) throw fail("two files have one name");
  const wanted = new Set(expected.values());
  for (const name of wanted) if (!shards.has(name)) throw fail(`the shard ${JSON.stringify(name)} is missing`);
  for (const [name, tensors] of shards) {
    if (!wanted.has(name)) throw fail(`it does not name the file ${JSON.stringify(name)}`);
    for (const tensor of tensors.keys()) {
      if (expected.get(tensor) === name) continue;
      throw fail(`it does not place ${JSON.stringify(tensor)} in ${JSON.stringify(name)}, where it is`);
    }
  }
  for (const [tensor, name] of expected) {
    if (!shards.get(name)!.has(tensor)) throw fail(`${JSON.stringify(tensor)} is not in ${JSON.stringify(name)}`);
  }
}

/** Keys under which training runs save the model beside the optimiser. */
const nests = ["model/", "state_dict/", "model_state_dict/"];

/** Fronts of names that wrappers for several devices and for compilation leave behind. */
const wrappers = ["module.", "_orig_mod."];

/**
 * The model's own tensors, whatever is saved beside them: those under `model/` of a training run's file, without
 * the `module.` or `_orig_mod.` that wrappers put in front of every name.
 *
 * @throws {WeightError} if tensors are nested and none of the usual keys holds the model
 */
export function modelTensors({ files, tensors }: Checkpoint): TensorSource {
  const nested = [...tensors.keys()].some((name) => name.includes("/"));
  const found = nests.filter((nest) => [...tensors.keys()].some((name) => name.startsWith(nest)));
  if (nested && found.length !== 1) {
    const keys = [...new Set([...tensors.keys()].map((name) => JSON.stringify(name.split("/")[0]!)))].slice(0, 8);
    const file = JSON.stringify(files[0]?.name ?? "");
    throw new WeightError(`Cannot find the model in ${file}: its tensors lie under ${keys.join(", ")}`);
  }
  let model = nested ? unwrap([...tensors].filter(([name]) => name.startsWith(found[0]!)), found[0]!) : [...tensors];
  for (let again = true; again;) {
    const front = wrappers.find((front) => model.length > 0 && model.every(([name]) => name.startsWith(front)));
    again = front !== undefined;
    if (front !== undefined) model = unwrap(model, front);
  }
  return new Map(model);
}

function unwrap<T>(tensors: readonly (readonly [string, T])[], front: string): (readonly [string, T])[] {
  return tensors.map(([name, tensor]) => [name.slice(front.length), tensor]);
}
