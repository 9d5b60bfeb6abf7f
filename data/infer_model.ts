/**
 * Which MiniMind(-V) model a checkpoint holds, told by the names and shapes of its tensors.
 *
 * @module
 */
import { WeightError } from "../core/errors.ts";
import { inferEncoder, type InferredEncoder, splitEncoder } from "./infer_encoder.ts";
import {
  describeNearest,
  differences,
  knownModels,
  listed,
  type ModelSizes,
  type Shapes,
  shapesOf,
} from "./known_models.ts";

/** Anything with a shape. */
export interface Shaped {
  /** Extents, slowest first. */
  readonly shape: readonly number[];
}

/** Options of {@link inferModel}. */
export interface InferOptions {
  /**
   * The `config.json` beside the checkpoint; decides what shapes leave open, and must not contradict them. Its
   * `vision_config` does so for an encoder inside.
   */
  readonly config?: unknown;
}

/** What a checkpoint holds. */
export interface InferredModel {
  /** Sizes of decoder and projector. */
  readonly sizes: ModelSizes;
  /** The released model that has exactly these tensors. */
  readonly known?: string | undefined;
  /** A complete `config.json` of the decoder: the given one and what the shapes say. */
  readonly config: Readonly<Record<string, unknown>>;
  /** The vision encoder, where the checkpoint includes one. */
  readonly encoder?: InferredEncoder | undefined;
}

/** Tensors beside the model's own: its tied head, and buffers that older checkpoints saved along. */
const extras = [/^lm_head\.weight$/, /(^|\.)freqs_(cos|sin)$/, /(^|\.)mask$/];

/**
 * Infers generation, sizes, experts, projector and encoder of a checkpoint.
 *
 * Shapes leave open the number of heads in generation 2 (8, unless the config says otherwise) and how many experts
 * a token goes to (a default of the generation, unless the config says otherwise).
 *
 * @throws {WeightError} naming what cannot be told, what contradicts what, and the nearest released model
 */
export function inferModel(tensors: ReadonlyMap<string, Shaped>, options: InferOptions = {}): InferredModel {
  const { model, encoder } = splitEncoder(tensors);
  const all: Shapes = new Map([...model].map(([name, { shape }]) => [name, shape]));
  const shapes: Shapes = new Map([...all].filter(([name]) => !extras.some((extra) => extra.test(name))));
  const given = new GivenConfig(options.config);
  const sizes = readSizes(shapes, given);
  const odd = differences(shapes, shapesOf(sizes));
  const head = all.get("lm_head.weight");
  if (head !== undefined && String(head) !== String([sizes.vocabSize, sizes.hiddenSize])) {
    odd.push(`"lm_head.weight" is not of the embedding's shape`);
  }
  if (head === undefined && given.value("tie_word_embeddings") === false) {
    odd.push(`"lm_head.weight" is missing, and the config says that it is not tied`);
  }
  if (odd.length > 0) throw fail(listed(odd, 4), shapes);
  const known = Object.keys(knownModels).find((name) => differences(shapes, shapesOf(knownModels[name]!)).length === 0);
  const config = completeConfig(sizes, given, shapes);
  return { sizes, known, config, encoder: encoder && inferEncoder(encoder, given.value("vision_config") ?? {}) };
}

/** Reads the sizes off the tensors that decide them; the others are compared afterwards. */
function readSizes(shapes: Shapes, given: GivenConfig): ModelSizes {
  const matrix = (name: string): readonly [number, number] => {
    const shape = shapes.get(name);
    if (shape === undefined) throw fail(`it has no "${name}"`, shapes);
    if (shape.length !== 2) throw fail(`"${name}" has ${shape.length} dimensions instead of 2`, shapes);
    return shape as readonly [number, number];
  };
  const [vocabSize, hiddenSize] = matrix("model.embed_tokens.weight");
  const numHiddenLayers = countParts(shapes, "model.layers.");
  const first = "model.layers.0.";
  const [queries] = matrix(`${first}self_attn.q_proj.weight`);
  const [keys] = matrix(`${first}self_attn.k_proj.weight`);
  const norm = shapes.get(`${first}self_attn.q_norm.weight`);
  const heads = given.value("num_attention_heads", "n_heads") ?? 8;
  const headDim = norm?.[0] ?? queries / Number(heads);
  const [numAttentionHeads, numKeyValueHeads] = [queries / headDim, keys / headDim];
  if (![headDim, numAttentionHeads, numKeyValueHeads].every((size) => Number.isSafeInteger(size) && size > 0)) {
    throw fail(`queries of width ${queries} and keys of width ${keys} do not make heads of width ${headDim}`, shapes);
  }
  const routed = countParts(shapes, `${first}mlp.experts.`);
  const [intermediateSize] = matrix(`${first}mlp.${routed > 0 ? "experts.0." : ""}gate_proj.weight`);
  const shared = countParts(shapes, `${first}mlp.shared_experts.`);
  return {
    generation: norm === undefined ? 2 : 3,
    hiddenSize,
    numHiddenLayers,
    numAttentionHeads,
    numKeyValueHeads,
    headDim,
    intermediateSize,
    vocabSize,
    experts: routed > 0 ? { routed, shared, intermediateSize } : undefined,
    projector: readProjector(shapes),
  };
}

function readProjector(shapes: Shapes): ModelSizes["projector"] {
  const kinds = { linear: "vision_proj.vision_proj.0.weight", mlp: "vision_proj.mlp.1.weight" } as const;
  for (const kind of ["linear", "mlp"] as const) {
    const shape = shapes.get(kinds[kind]);
    if (shape !== undefined) return { kind, featureWidth: shape[1] ?? 0 };
  }
  return undefined;
}

/** How many numbered parts follow a prefix; they must be numbered without a gap. */
function countParts(shapes: Shapes, prefix: string): number {
  const numbers = new Set<number>();
  for (const name of shapes.keys()) {
    const digits = name.startsWith(prefix) ? /^\d{1,6}(?=\.)/.exec(name.slice(prefix.length)) : null;
    if (digits !== null) numbers.add(Number(digits[0]));
  }
  const gap = Array.from(numbers, (_, i) => i).find((i) => !numbers.has(i));
  if (gap !== undefined) throw fail(`there is no "${prefix}${gap}", but a later one`, shapes);
  return numbers.size;
}

/** The given config with every size filled in. @throws {WeightError} where the two disagree */
function completeConfig(sizes: ModelSizes, given: GivenConfig, shapes: Shapes): Record<string, unknown> {
  const { experts } = sizes;
  const second = sizes.generation === 2;
  const facts: readonly (readonly [keys: readonly string[], value: unknown])[] = [
    [["generation"], sizes.generation],
    [["hidden_size", "dim"], sizes.hiddenSize],
    [["num_hidden_layers", "n_layers"], sizes.numHiddenLayers],
    [["num_attention_heads", "n_heads"], sizes.numAttentionHeads],
    [["num_key_value_heads", "n_kv_heads"], sizes.numKeyValueHeads],
    [["head_dim"], sizes.headDim],
    [["vocab_size"], sizes.vocabSize],
    [["use_moe"], experts !== undefined],
    ...(experts === undefined || second
      ? [[["intermediate_size", "hidden_dim"], sizes.intermediateSize] as const]
      : []),
    ...(experts === undefined ? [] : [
      [["num_experts", "n_routed_experts"], experts.routed] as const,
      [["n_shared_experts"], experts.shared] as const,
      ...(second ? [] : [[["moe_intermediate_size"], experts.intermediateSize] as const]),
    ]),
  ];
  const config: Record<string, unknown> = { ...given.values };
  for (const [keys, fact] of facts) {
    for (const key of keys) {
      const claim = given.value(key) ?? fact;
      if (claim === fact) continue;
      throw fail(`config.json says ${key} is ${JSON.stringify(claim)}, its tensors say ${fact}`, shapes);
    }
    config[keys[0]!] = fact;
  }
  return config;
}

/** A parsed `config.json` that may be absent; null counts as absent. */
class GivenConfig {
  readonly values: Readonly<Record<string, unknown>>;

  constructor(config: unknown = {}) {
    if (typeof config !== "object" || config === null || Array.isArray(config)) {
      throw new WeightError(`Cannot infer the model: config.json is not an object`);
    }
    this.values = config as Readonly<Record<string, unknown>>;
  }

  value(...keys: string[]): unknown {
    return keys.map((key) => this.values[key]).find((value) => value !== undefined && value !== null);
  }
}

function fail(problem: string, shapes: Shapes): WeightError {
  return new WeightError(`Cannot infer the model: ${problem}; ${describeNearest(shapes)}`);
}
