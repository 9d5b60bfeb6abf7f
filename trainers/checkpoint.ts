/**
 * A run in one file: a safetensors file with parameters and moments, the state as JSON in its metadata, and at its end
 * the checksum of everything before. It is written tensor by tensor, so saving takes no second copy of the model.
 *
 * @module
 */
import type { Backend, Storage } from "../core/backend.ts";
import { WeightError } from "../core/errors.ts";
import { formatShape, sameShape } from "../core/graph/tensor.ts";
import { crc32 } from "../data/crc32.ts";
import type { FileWriter } from "../data/hub/file_store.ts";
import { readSafetensors } from "../data/safetensors.ts";
import { parseRunState, type RunState } from "./run_state.ts";
import { bytesOf, tensorHeader } from "./tensor_stream.ts";
import type { TrainStep } from "./train_step.ts";

/** What a checkpoint says beside its tensors. */
export interface CheckpointHeader {
  /** Where the run is. */
  readonly state: RunState;
  /** Everything that must be the same when the run goes on (model, data, flags), as the caller writes it. */
  readonly config: string;
  /** Seed of the run. */
  readonly seed: number;
}

/** A run's memory on a device. */
export interface RunMemory {
  /** The step whose parameters and moments are meant. */
  readonly step: TrainStep;
  /** Its backend. */
  readonly backend: Backend;
}

const version = 1;
const kinds = ["parameter", "mean", "variance", "average"] as const;
const checksums = "checksums";

/** Writes parameters, moments and state of a run. The writer stays open. */
export async function writeCheckpoint(
  { step, backend }: RunMemory,
  header: CheckpointHeader,
  writer: FileWriter,
): Promise<void> {
  const tensors = storagesOf(step);
  const sizes = [...tensors].map(([name, { spec }]) => ({ name, shape: spec.shape }));
  const start = tensorHeader(
    [...sizes, { name: checksums, shape: [sizes.length + 1], dtype: "I32" }],
    { run: JSON.stringify({ version, ...header }) },
  );
  const sums = new Int32Array(sizes.length + 1);
  sums[0] = crc32(start) | 0;
  await writer.write(start);
  let i = 1;
  for (const storage of tensors.values()) {
    const bytes = bytesOf(await backend.read(storage));
    sums[i++] = crc32(bytes) | 0;
    await writer.write(bytes);
  }
  await writer.write(bytesOf(sums));
}

/** A checkpoint that was read and found whole. */
export interface Checkpoint extends CheckpointHeader {
  /**
   * Copies its tensors to where a run has them.
   *
   * @throws {WeightError} naming the tensors if it trains other parameters; nothing is copied then
   * @throws {TypeError} if one of both is of mixed precision and the other is not; likewise
   */
  restore(memory: RunMemory): void;
}

/**
 * Reads a checkpoint.
 *
 * @throws {WeightError} if the file is cut off, has a wrong byte, or is no checkpoint of a run
 */
export function readCheckpoint(bytes: Uint8Array): Checkpoint {
  const fail = (problem: string, cause?: unknown) =>
    new WeightError(`Cannot read "checkpoint": ${problem}`, cause === undefined ? {} : { cause });
  let file: ReturnType<typeof readSafetensors>;
  try {
    file = readSafetensors(bytes);
  } catch (cause) {
    throw fail(`it is cut off or damaged: ${cause instanceof Error ? cause.message : cause}`, cause);
  }
  const { metadata, tensors } = file;
  const run = metadata.get("run");
  const sums = tensors.get(checksums)?.toInt32();
  if (run === undefined || sums === undefined) throw fail("it was not written by a training run");
  const own = [...tensors].filter(([name]) => name !== checksums);
  const dataStart = bytes.length - [...tensors.values()].reduce((sum, { bytes }) => sum + bytes.length, 0);
  if ((crc32(bytes.subarray(0, dataStart)) | 0) !== sums[0]) throw fail("its header is damaged: the checksum is wrong");
  for (const [i, [name, tensor]] of own.entries()) {
    if ((crc32(tensor.bytes) | 0) !== sums[i + 1]) throw fail(`"${name}" is damaged: the checksum is wrong`);
  }
  const header = parseHeader(run, fail);
  return {
    ...header,
    restore(memory) {
      const storages = storagesOf(memory.step);
      const wrong = [
        ...[...storages].filter(([name, { spec }]) => !sameShape(tensors.get(name)?.shape ?? [], spec.shape))
          .map(([name, { spec }]) => `"${name}" ${formatShape(spec.shape)} is missing`),
        ...own.filter(([name]) => !storages.has(name)).map(([name]) => `"${name}" is not trained`),
      ];
      if (wrong.length > 0) throw fail(`it is of another run: ${wrong.slice(0, 4).join(", ")}`);
      memory.step.lossScale = header.state.lossScale;
      for (const [name, storage] of storages) memory.backend.write(storage, tensors.get(name)!.toFloat32());
      memory.step.updates = header.state.updates;
    },
  };
}

/** Parameters, moments and, where they are kept, averages by their names in the file. */
function storagesOf(step: TrainStep): Map<string, Storage> {
  return new Map(step.parameters.flatMap(({ name }) =>
    kinds.flatMap((kind) => {
      const storage = step.storage(kind === "parameter" ? name : `${kind}.${name}`);
      return storage === undefined ? [] : [[`${kind}.${name}`, storage] as const];
    })
  ));
}

function parseHeader(text: string, fail: (problem: string, cause?: unknown) => WeightError): CheckpointHeader {
  let run: Record<string, unknown>;
  try {
    run = JSON.parse(text);
    if (run["version"] !== version) throw new TypeError(`its version is ${run["version"]}, expected ${version}`);
    return { state: parseRunState(run["state"]), config: String(run["config"]), seed: Number(run["seed"]) };
  } catch (cause) {
    throw fail(cause instanceof Error ? cause.message : String(cause), cause);
  }
}
