/**
 * Options of the MiniMind decoder, both generations, and how to read them from a `config.json`.
 *
 * @module
 */
import { Fields } from "../../core/fields.ts";

/** YaRN, a stretch of the rotary frequencies for longer texts (Peng et al. 2023), in upstream's variant. */
export interface YarnOptions {
  /** How much the slow frequencies are stretched. Default 16. */
  readonly factor: number;
  /** Positions the weights were trained for; stretches only when `maxPositionEmbeddings` is more. Default 2048. */
  readonly originalMaxPositionEmbeddings: number;
  /** Turns over the original positions from which on a frequency stays as it is. Default 32. */
  readonly betaFast: number;
  /** Turns over the original positions below which a frequency is stretched by the whole factor. Default 1. */
  readonly betaSlow: number;
  /** Factor on cos and sin. Default 1. */
  readonly attentionFactor: number;
}

/** The mixture of experts that takes the place of the feed-forward part. */
export interface MoeOptions {
  /** Routed experts E. Default 4. */
  readonly numExperts: number;
  /** Experts a token goes to, k. Default 2 (generation 2) or 1 (generation 3). */
  readonly numExpertsPerTok: number;
  /** Experts that every token goes through. Default 1 (generation 2); generation 3 has none. */
  readonly numSharedExperts: number;
  /** Width of an expert. Default the decoder's intermediate size. */
  readonly intermediateSize: number;
  /** Whether the chosen experts' weights are divided by their sum. Default true. */
  readonly normTopkProb: boolean;
  /** Weight of the load-balancing loss. Default 0.1 (generation 2) or 5e-4 (generation 3). */
  readonly auxLossCoefficient: number;
  /** Whether the loss balances each sequence and not only the batch; generation 2. Default true there. */
  readonly auxLossPerSequence: boolean;
}

/** Architecture of a MiniMind decoder. The names are those of its `config.json` in camelCase. */
export interface MiniMindOptions {
  /** 2 for MiniMind2(-V); 3 for MiniMind-3(V), which adds RMSNorm on queries and keys. */
  readonly generation: 2 | 3;
  /** Width D of the hidden states. Default 512 or 768 by generation. */
  readonly hiddenSize: number;
  /** Number of blocks. Default 8. */
  readonly numHiddenLayers: number;
  /** Query heads H. Default 8. */
  readonly numAttentionHeads: number;
  /** Key/value heads G. Default 2 or 4 by generation. */
  readonly numKeyValueHeads: number;
  /** Width C of a head, even. Default D/H. */
  readonly headDim: number;
  /** Feed-forward width F. Default 8/3·D or π·D by generation, rounded up to a multiple of 64. */
  readonly intermediateSize: number;
  /** Vocabulary size V. Default 6400. */
  readonly vocabSize: number;
  /** Longest sequence. Default 32768. */
  readonly maxPositionEmbeddings: number;
  /** Added to the mean square in RMSNorm. Default 1e-5 or 1e-6 by generation. */
  readonly rmsNormEps: number;
  /** Base of the rotary frequencies. Default 1e6. */
  readonly ropeTheta: number;
  /** Stretches the rotary frequencies; absent by default. */
  readonly ropeScaling?: YarnOptions | undefined;
  /** Whether the head is the embedding's weight. Default true. */
  readonly tieWordEmbeddings: boolean;
  /** Mixture of experts; a dense model has none. */
  readonly moe?: MoeOptions | undefined;
}

const secondGenerationKeys = ["n_routed_experts", "n_shared_experts", "aux_loss_alpha", "seq_aux", "scoring_func"];
const olderKeys = ["dim", "n_layers", "n_heads", "n_kv_heads", "max_seq_len", "hidden_dim", "norm_eps"];
const thirdGenerationKeys = [
  "head_dim",
  "num_experts",
  "moe_intermediate_size",
  "router_aux_loss_coef",
  "image_token_len",
  "image_hidden_size",
];

/**
 * Reads upstream's or Hugging Face's `config.json` of either generation, older names of keys included.
 *
 * `generation` (2 or 3) decides the defaults; without it the keys that only one generation has tell. Keys that do
 * not concern the decoder are left alone.
 *
 * @throws {ConfigError} naming the key that is wrong, or if the generation cannot be told
 */
export function parseMiniMindOptions(config: unknown): MiniMindOptions {
  const fields = new Fields(config, "config");
  const generation = findGeneration(fields);
  const third = generation === 3;
  fields.choice("hidden_act", ["silu"], "silu");
  fields.choice("dropout", [0], 0); // no kernel drops anything, and training must not differ silently

  const hiddenSize = fields.integer(["hidden_size", "dim"], third ? 768 : 512);
  const heads = fields.integer(["num_attention_heads", "n_heads"], 8);
  if (!fields.has("head_dim") && hiddenSize % heads !== 0) {
    throw fields.error(["num_attention_heads", "n_heads"], `${heads} heads do not divide a width of ${hiddenSize}`);
  }
  const headDim = fields.integer("head_dim", hiddenSize / heads);
  if (headDim % 2 !== 0) throw fields.error("head_dim", `${headDim} is odd, but rotary positions pair its halves`);
  const kvKey = ["num_key_value_heads", "n_kv_heads"];
  const kvHeads = fields.integer(kvKey, third ? 4 : 2);
  if (heads % kvHeads !== 0) throw fields.error(kvKey, `${heads} heads do not share ${kvHeads} evenly`);
  const width = third ? hiddenSize * Math.PI : Math.floor(hiddenSize * 8 / 3);
  const intermediateSize = fields.integer(["intermediate_size", "hidden_dim"], 64 * Math.ceil(width / 64));

  return {
    generation,
    hiddenSize,
    numHiddenLayers: fields.integer(["num_hidden_layers", "n_layers"], 8),
    numAttentionHeads: heads,
    numKeyValueHeads: kvHeads,
    headDim,
    intermediateSize,
    vocabSize: fields.integer("vocab_size", 6400),
    maxPositionEmbeddings: fields.integer(["max_position_embeddings", "max_seq_len"], 32768),
    rmsNormEps: fields.number(["rms_norm_eps", "norm_eps"], third ? 1e-6 : 1e-5),
    ropeTheta: fields.number("rope_theta", 1e6),
    ropeScaling: parseYarn(fields, generation),
    tieWordEmbeddings: fields.boolean("tie_word_embeddings", true),
    moe: fields.boolean("use_moe", false) ? parseMoe(fields, { generation, intermediateSize }) : undefined,
  };
}

function findGeneration(fields: Fields): 2 | 3 {
  const second = [...secondGenerationKeys, ...olderKeys].find((key) => fields.has(key));
  const third = thirdGenerationKeys.find((key) => fields.has(key));
  if (fields.has("generation")) return fields.choice("generation", [2, 3], 3);
  if (second !== undefined && third !== undefined) {
    throw fields.error("generation", `"${second}" is of generation 2, "${third}" of 3, and neither is named`);
  }
  if (second === undefined && third === undefined) {
    throw fields.error("generation", "it is absent, and no key belongs to generation 2 or 3 alone");
  }
  return third === undefined ? 2 : 3;
}

function parseYarn(fields: Fields, generation: 2 | 3): YarnOptions | undefined {
  const given = fields.object("rope_scaling");
  // Upstream's configuration class drops the table when its switch is off.
  if (!fields.boolean("inference_rope_scaling", given !== undefined)) return undefined;
  const yarn = given ?? new Fields({}, "config.rope_scaling");
  yarn.choice(["type", "rope_type"], ["yarn"], "yarn");
  if (generation === 2) throw fields.error("rope_scaling", "generation 2 has none");
  return {
    factor: yarn.number("factor", 16),
    originalMaxPositionEmbeddings: yarn.integer("original_max_position_embeddings", 2048),
    betaFast: yarn.number("beta_fast", 32),
    betaSlow: yarn.number("beta_slow", 1),
    attentionFactor: yarn.number("attention_factor", 1),
  };
}

function parseMoe(
  fields: Fields,
  { generation, intermediateSize }: Pick<MiniMindOptions, "generation" | "intermediateSize">,
): MoeOptions {
  const third = generation === 3;
  fields.choice("scoring_func", ["softmax"], "softmax");
  const numExperts = fields.integer(["num_experts", "n_routed_experts"], 4);
  const numExpertsPerTok = fields.integer("num_experts_per_tok", third ? 1 : 2);
  if (numExpertsPerTok > numExperts) {
    throw fields.error("num_experts_per_tok", `${numExpertsPerTok} of ${numExperts} experts`);
  }
  return {
    numExperts,
    numExpertsPerTok,
    numSharedExperts: fields.integer("n_shared_experts", third ? 0 : 1, 0),
    intermediateSize: fields.integer("moe_intermediate_size", intermediateSize),
    normTopkProb: fields.boolean("norm_topk_prob", true),
    auxLossCoefficient: fields.number(["router_aux_loss_coef", "aux_loss_alpha"], third ? 5e-4 : 0.1, { orZero: true }),
    auxLossPerSequence: fields.boolean("seq_aux", !third),
  };
}
