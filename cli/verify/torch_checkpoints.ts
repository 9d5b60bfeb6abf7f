/**
 * Golden cases of PyTorch files: good ones to be read, malicious and damaged ones to be refused.
 *
 * @module
 */
import { WeightError } from "../../core/errors.ts";
import { type Checkpoint, openCheckpoint } from "../../data/checkpoint.ts";
import { type Check, same, verdictOf } from "./check.ts";
import { type Golden, type GoldenTensors, readFile, readTensors } from "./golden.ts";
import { type CaseKind, isObject } from "./kind.ts";

/** What a document says of one file. */
interface FileCase {
  readonly must: string;
  /** File of the tensors, halves widened, nested keys joined by `/`. */
  readonly expected?: string;
  /** PyTorch's name of each tensor's type. */
  readonly dtypes?: Readonly<Record<string, string>>;
  /** The contents with `{tensor, shape}` in the place of tensors. */
  readonly structure?: unknown;
  /** What a malicious file would create. */
  readonly never_create?: string;
}

const dtypes: Readonly<Record<string, string>> = {
  float64: "F64",
  float32: "F32",
  float16: "F16",
  bfloat16: "BF16",
  int64: "I64",
  int32: "I32",
  int16: "I16",
  int8: "I8",
  uint8: "U8",
  bool: "BOOL",
};

/** PyTorch files. */
export const torchCheckpointsKind: CaseKind = {
  name: "PyTorch checkpoints",
  recognises: (document) => {
    const files = Object.values(document);
    return files.length > 0 && files.every((file) => isObject(file) && "must" in file);
  },
  run,
};

async function* run(golden: Golden): AsyncGenerator<Check> {
  const files = Object.entries(golden.document) as [string, FileCase][];
  for (const [name, file] of files) {
    const bytes = await readFile(golden, name);
    if (file.must === "load") yield* loaded(golden, name, { file, bytes });
    else if (file.must.startsWith("refuse")) yield await refused(name, bytes);
    else yield verdictOf(name, false, `what must be done is unknown: ${file.must}`);
  }
  const { exists } = golden;
  if (exists === undefined) return;
  for (const path of new Set(files.flatMap(([, file]) => file.never_create ?? []))) {
    const there = await exists(path);
    yield verdictOf("nothing executed", !there, there ? `${path} is there` : `${path} is not there`);
  }
}

async function refused(name: string, bytes: Uint8Array): Promise<Check> {
  try {
    await openCheckpoint([{ name, bytes }]);
    return verdictOf(name, false, "it was read, but must be refused");
  } catch (error) {
    return verdictOf(name, error instanceof WeightError, String(error));
  }
}

async function* loaded(
  golden: Golden,
  name: string,
  { file, bytes }: { readonly file: FileCase; readonly bytes: Uint8Array },
): AsyncGenerator<Check> {
  let checkpoint: Checkpoint;
  try {
    checkpoint = await openCheckpoint([{ name, bytes }]);
  } catch (error) {
    return yield verdictOf(name, false, String(error));
  }
  const expected = await readTensors(golden, file.expected ?? name.replace(/\.pth$/, ".expected.safetensors"));
  yield same(`${name}.names`, {
    actual: [...checkpoint.tensors.keys()].sort(),
    expected: [...expected.left.keys()].sort(),
  });
  yield compareValues(`${name}.values`, checkpoint, expected);
  if (file.dtypes !== undefined) {
    const actual = [...checkpoint.tensors].map(([tensor, { dtype }]) => `${tensor} ${dtype}`);
    const wanted = Object.entries(file.dtypes).map(([tensor, dtype]) => `${tensor} ${dtypes[dtype] ?? dtype}`);
    yield same(`${name}.dtypes`, { actual: actual.sort(), expected: wanted.sort() });
  }
  if (isObject(file.structure)) {
    const actual = [
      ...[...checkpoint.tensors].map(([tensor, { shape }]) => `${tensor} [${shape}]`),
      ...[...checkpoint.values].map(([value, content]) => `${value} ${JSON.stringify(content, bigints)}`),
    ];
    yield same(`${name}.structure`, { actual: actual.sort(), expected: [...leaves(file.structure, "")].sort() });
  }
}

/** Every number equal as f32; shapes are part of the comparison. */
function compareValues(stage: string, { tensors }: Checkpoint, expected: GoldenTensors): Check {
  let count = 0;
  for (const [name, golden] of expected.left) {
    const tensor = tensors.get(name);
    if (String(tensor?.shape) !== String(golden.shape)) {
      return verdictOf(stage, false, `"${name}" is [${tensor?.shape}], expected [${golden.shape}]`);
    }
    const [actual, wanted] = [tensor!.toFloat32(), golden.toFloat32()];
    const check = same(stage, { actual, expected: wanted });
    if (check.status === "failed") return { ...check, detail: `"${name}": ${check.detail}` };
    count += wanted.length;
  }
  return verdictOf(stage, true, `${count} numbers equal`);
}

/** Each leaf of a described structure as one line: its name, then a tensor's shape or a value. */
function* leaves(structure: unknown, name: string): Generator<string> {
  const within = (key: string | number) => name === "" ? String(key) : `${name}/${key}`;
  if (Array.isArray(structure)) {
    for (const [i, item] of structure.entries()) yield* leaves(item, within(i));
  } else if (isObject(structure)) {
    if (typeof structure["tensor"] === "string" && Array.isArray(structure["shape"])) {
      yield `${name} [${structure["shape"]}]`;
    } else for (const [key, item] of Object.entries(structure)) yield* leaves(item, within(key));
  } else yield `${name} ${JSON.stringify(structure)}`;
}

/** JSON has no large whole numbers; documents write them as strings. */
function bigints(_key: string, value: unknown): unknown {
  return typeof value === "bigint" ? String(value) : value;
}
