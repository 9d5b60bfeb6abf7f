/**
 * A model's folder: Hugging Face's layout, or the `out/` of upstream's trainers.
 *
 * @module
 */
import { ConfigError, WeightError } from "../core/errors.ts";
import type { ByteSource } from "./byte_source.ts";
import { type Checkpoint, type NamedBytes, openCheckpoint } from "./checkpoint.ts";
import { parseShardIndex } from "./shard_index.ts";

/** The files of one folder, wherever it is: on disk, in a browser's storage, on the hub. */
export interface FolderFiles {
  /** What messages call the folder. Default `the folder`. */
  readonly name?: string | undefined;
  /** Names of the files, without folders in front. */
  list(): Promise<readonly string[]>;
  /** The content of a file. */
  read(name: string): Promise<Uint8Array>;
  /** The content of a file, to be read when needed. Default: it is read at once. */
  open?(name: string): Promise<ByteSource>;
}

/** Options of {@link openModelFolder}. */
export interface ModelFolderOptions {
  /** The checkpoint to open where the folder has several, or its index. Default the one there is. */
  readonly weights?: string | undefined;
}

/**
 * What a folder holds; absent where the folder has none. Documents are parsed JSON that nobody has checked, those of
 * the tokenizer their texts, in which its parser also finds keys that are there twice.
 */
export interface ModelFolder {
  /** `config.json`: the architecture. */
  readonly config?: unknown;
  /** `generation_config.json`: defaults of sampling. */
  readonly generationConfig?: unknown;
  /** `preprocessor_config.json`: how images become pixels. */
  readonly preprocessorConfig?: unknown;
  /** `tokenizer.json`. */
  readonly tokenizer?: string | undefined;
  /** `tokenizer_config.json`: special tokens, and mostly the chat template. */
  readonly tokenizerConfig?: string | undefined;
  /** `chat_template.jinja`, where the template is a file of its own. */
  readonly chatTemplate?: string | undefined;
  /** The weights. */
  readonly checkpoint: Checkpoint;
}

const documents = {
  config: "config.json",
  generationConfig: "generation_config.json",
  preprocessorConfig: "preprocessor_config.json",
} as const;

const texts = {
  tokenizer: "tokenizer.json",
  tokenizerConfig: "tokenizer_config.json",
  chatTemplate: "chat_template.jinja",
} as const;

/** Names of what may lie beside the weights. */
export const documentNames: readonly string[] = [...Object.values(documents), ...Object.values(texts)];

/** Checkpoints by their usual names, best first: the same weights often lie there in several formats. */
export const usualWeights: readonly string[] = [
  "model.safetensors",
  "model.safetensors.index.json",
  "pytorch_model.bin",
  "pytorch_model.bin.index.json",
];

/**
 * Reads a folder's documents and opens its weights: `model.safetensors`, `pytorch_model.bin`, either in shards, or
 * the only `.safetensors`, `.pth` or `.pt`.
 *
 * @throws {WeightError} naming the candidates if there is no checkpoint or more than one, or what is wrong with it
 * @throws {ConfigError} if a document is not JSON
 */
export async function openModelFolder(folder: FolderFiles, options: ModelFolderOptions = {}): Promise<ModelFolder> {
  const names = await folder.list();
  const parsed: Record<string, unknown> = {};
  for (const [key, name] of Object.entries(documents)) {
    if (names.includes(name)) parsed[key] = parseJson(await readText(folder, name), name);
  }
  const plain: Record<string, string> = {};
  for (const [key, name] of Object.entries(texts)) {
    if (names.includes(name)) plain[key] = await readText(folder, name);
  }
  const checkpoint = await openCheckpoint(
    await readWeights(folder, { names, name: options.weights ?? chooseWeights(names, folder.name) }),
  );
  return { ...parsed, ...plain, checkpoint };
}

/** The one checkpoint of a folder. @throws {WeightError} if there is none, or more than one */
export function chooseWeights(names: readonly string[], folder?: string): string {
  const what = folder === undefined ? "the folder" : JSON.stringify(folder);
  const known = usualWeights.find((name) => names.includes(name));
  if (known !== undefined) return known;
  const candidates = names.filter((name) => /\.(safetensors|pth|pt)$/.test(name));
  const [only] = candidates;
  if (only === undefined) {
    throw new WeightError(`Cannot open ${what}: none of ${usualWeights.join(", ")}, *.pth is there`);
  }
  if (candidates.length === 1) return only;
  throw new WeightError(`Cannot open ${what}: name one of its checkpoints ${candidates.join(", ")}`);
}

/** A checkpoint's file, or its index and all shards. */
async function readWeights(
  folder: FolderFiles,
  { names, name }: { readonly names: readonly string[]; readonly name: string },
): Promise<NamedBytes[]> {
  const open = async (name: string): Promise<NamedBytes> => ({
    name,
    bytes: await (folder.open?.(name) ?? folder.read(name)),
  });
  if (!name.endsWith(".index.json")) return [await open(name)];
  const index = await folder.read(name);
  const files: NamedBytes[] = [{ name, bytes: index }];
  for (const shard of new Set(parseShardIndex(index, name).values())) {
    if (!names.includes(shard)) throw new WeightError(`Cannot open "${name}": the shard "${shard}" is missing`);
    files.push(await open(shard));
  }
  return files;
}

async function readText(folder: FolderFiles, name: string): Promise<string> {
  return new TextDecoder().decode(await folder.read(name));
}

function parseJson(text: string, name: string): unknown {
  try {
    return JSON.parse(text);
  } catch (cause) {
    throw new ConfigError(`Cannot read "${name}": it is not JSON`, { cause });
  }
}
