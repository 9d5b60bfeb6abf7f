/**
 * Exports a model as upstream's `.pth`, as one safetensors file, or as a folder of Hugging Face's layout.
 *
 * @module
 */
import { ConfigError, WeightError } from "../core/errors.ts";
import { elementCount } from "../core/graph/tensor.ts";
import { exportConfig } from "./export_config.ts";
import { splitEncoder } from "./infer_encoder.ts";
import { inferModel, type InferredModel } from "./infer_model.ts";
import { safetensorsChunks } from "./safetensors_writer.ts";
import { castTensors, type Precision, type SavedTensor, type TypedTensor } from "./saved_tensor.ts";
import { torchCheckpointChunks } from "./torch_checkpoint/write.ts";

/** What becomes of a model: `pth` and `safetensors` are one file, `hf` is a folder. */
export type ExportFormat = "pth" | "safetensors" | "hf";

/** A model to be exported. */
export interface ModelToExport {
  /** Its tensors by upstream's names; a vision encoder's under `vision_encoder.`. */
  readonly tensors: ReadonlyMap<string, TypedTensor>;
  /** Its `config.json`, parsed. Default what the shapes say and upstream's defaults for the rest. */
  readonly config?: unknown;
  /** Other files of its folder by name: tokenizer, templates, preprocessor. For `hf` only. Default none. */
  readonly files?: ReadonlyMap<string, Uint8Array> | undefined;
}

/** Options of {@link exportModel}. */
export interface ExportOptions {
  /** What to make of it. */
  readonly format: ExportFormat;
  /** Type of the numbers; `q8` not for `pth`. Default `f16`, as upstream saves. */
  readonly precision?: Precision | undefined;
  /** Whether to write the vision encoder too. Default false, as upstream does. */
  readonly withEncoder?: boolean | undefined;
  /** Name of the training stage that begins a file's name, for instance `pretrain_vlm`. Default `sft_vlm`. */
  readonly weight?: string | undefined;
  /** Embeddings of one image, for `config.json`. Default what the config says, else 196 or 64 by generation. */
  readonly imageTokens?: number | undefined;
  /** Whether numbers too large for the precision may become infinite. Default false. */
  readonly allowOverflow?: boolean | undefined;
}

/** A file of an export. */
export interface ExportedFile {
  /** Its name, without a folder. */
  readonly name: string;
  /**
   * Its content in pieces, made while it is taken: no more than one tensor is in memory.
   *
   * @throws {WeightError} naming a tensor whose numbers do not fit the precision
   */
  chunks(): Iterable<Uint8Array>;
}

/** An exported model. */
export interface ExportedModel {
  /** Its files, the weights last: a folder that has them is complete. */
  readonly files: readonly ExportedFile[];
  /** What it is. */
  readonly model: InferredModel;
  /** Number of tensors in it; a tied head counts where the file names it. */
  readonly tensors: number;
  /** Numbers in all tensors, a tied head's not counted again. */
  readonly parameters: number;
}

/** Names of a pair that most models tie. */
const head = "lm_head.weight";
const embedding = "model.embed_tokens.weight";

/** Buffers that older code saved along and that every reader computes. */
const buffers = /(^|\.)(freqs_(cos|sin)|mask)$/;

/** Files beside the weights that belong to a model, whoever trained it. */
const companion =
  /^(tokenizer|vocab|merges|added_tokens|special_tokens_map|chat_template|generation_config|preprocessor_config|processor_config)[\w.]*\.(json|txt|model|jinja)$|\.py$/;

/** Whether a file of a model's folder goes along with it: tokenizer, templates, preprocessor, code that its config names. */
export function isCompanion(name: string): boolean {
  return companion.test(name) || name === "tokenizer.model";
}

/**
 * Exports a model. Names stay upstream's. A `.pth` has the tied head too, sharing the embedding's storage; safetensors,
 * which share nothing, leave it out, as Hugging Face's do. Buffers that are computed anyway (`freqs_cos`) are dropped.
 *
 * @throws {WeightError} if the tensors are not a MiniMind(-V) model's, a tied head differs from the embedding, or the
 *   encoder is asked for and not there
 * @throws {ConfigError} if `pth` is asked for in `q8`
 */
export function exportModel(source: ModelToExport, options: ExportOptions): ExportedModel {
  const { format, precision = "f16", withEncoder = false, weight = "sft_vlm" } = options;
  if (!/^[\w.-]+$/.test(weight)) throw new ConfigError(`Cannot export "${weight}": it is not the start of a file name`);
  if (precision === "q8" && format === "pth") {
    throw new ConfigError('Cannot export "q8" as .pth: 8-bit blocks are for safetensors and hf alone');
  }
  const { model: own } = splitEncoder(source.tensors);
  const model = inferModel(own, { config: source.config });
  const tensors = new Map([...withEncoder ? source.tensors : own].filter(([name]) => !buffers.test(name)));
  if (withEncoder && source.tensors.size === own.size) {
    throw new WeightError(`Cannot export "vision_encoder.*": the model has no encoder's tensors`);
  }
  tieHead(tensors, { tied: model.config["tie_word_embeddings"] !== false, named: format === "pth" });
  const saved = castTensors(tensors, { precision, allowOverflow: options.allowOverflow });
  const base = `${weight}_${model.sizes.hiddenSize}${model.sizes.experts === undefined ? "" : "_moe"}`;
  const files = {
    pth: () => [{ name: `${base}.pth`, chunks: () => torchCheckpointChunks(saved) }],
    safetensors: () => [safetensorsFile(`${base}.safetensors`, saved)],
    hf: () => [...documents(source, { model, precision, options }), safetensorsFile("model.safetensors", saved)],
  };
  const parameters = [...new Set(tensors.values())].reduce((sum, { shape }) => sum + elementCount(shape), 0);
  return { files: files[format](), model, tensors: saved.size, parameters };
}

/** Makes a tied head the embedding itself, under its name too or not at all. */
function tieHead(
  tensors: Map<string, TypedTensor>,
  { tied, named }: { readonly tied: boolean; readonly named: boolean },
): void {
  if (!tied) return;
  const own = tensors.get(head);
  const shared = tensors.get(embedding)!;
  if (own !== undefined && own !== shared && !sameNumbers(own, shared)) {
    throw new WeightError(
      `Cannot export "${head}": it differs from "${embedding}", and config.json does not set tie_word_embeddings to false`,
    );
  }
  tensors.delete(head);
  if (named) tensors.set(head, shared);
}

function sameNumbers(a: TypedTensor, b: TypedTensor): boolean {
  const bits = ({ buffer, byteOffset, length }: Float32Array) => new Uint32Array(buffer, byteOffset, length);
  const [x, y] = [bits(a.toFloat32()), bits(b.toFloat32())];
  return x.length === y.length && x.every((word, i) => word === y[i]);
}

/** Readers of the format want to be told that the tensors are PyTorch's. */
function safetensorsFile(name: string, tensors: ReadonlyMap<string, SavedTensor>): ExportedFile {
  return { name, chunks: () => safetensorsChunks(tensors, new Map([["format", "pt"]])) };
}

/** The documents of a Hugging Face folder. */
function documents(
  { files = new Map() }: ModelToExport,
  { model, precision, options }: {
    readonly model: InferredModel;
    readonly precision: Precision;
    readonly options: ExportOptions;
  },
): ExportedFile[] {
  const config = exportConfig(model, { precision, imageTokens: options.imageTokens });
  const { bos_token_id, eos_token_id } = config;
  const texts = new Map<string, Uint8Array>([
    ["config.json", json(config)],
    ["generation_config.json", json({ bos_token_id, eos_token_id })],
    ...[...files].filter(([name]) => name !== "config.json"),
  ]);
  return [...texts].map(([name, bytes]) => ({ name, chunks: () => [bytes] }));
}

function json(value: unknown): Uint8Array {
  return new TextEncoder().encode(`${JSON.stringify(value, undefined, 2)}\n`);
}
