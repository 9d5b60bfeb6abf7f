/**
 * The `config.json` of an exported model, with upstream's keys and no others of its own.
 *
 * Keys and values: jingyaogong/minimind-v, `model/model_vlm.py` and `model/model_minimind.py` of both generations.
 *
 * @module
 */
import type { InferredModel } from "./infer_model.ts";
import type { Precision } from "./saved_tensor.ts";

/** Options of {@link exportConfig}. */
export interface ExportConfigOptions {
  /** Type of the weights beside it. */
  readonly precision: Precision;
  /** Embeddings of one image. Default what the model's config says, else upstream's: 196 (generation 2) or 64. */
  readonly imageTokens?: number | undefined;
}

type Config = Readonly<Record<string, unknown>>;

/** Values upstream's configuration classes have where a checkpoint says nothing. */
const shared: Config = {
  bos_token_id: 1,
  dropout: 0,
  eos_token_id: 2,
  flash_attn: true,
  hidden_act: "silu",
  max_position_embeddings: 32768,
  norm_topk_prob: true,
  rope_theta: 1000000,
};

const second: Config = {
  ...shared,
  aux_loss_alpha: 0.1,
  n_routed_experts: 4,
  n_shared_experts: 1,
  num_experts_per_tok: 2,
  rms_norm_eps: 1e-5,
  scoring_func: "softmax",
  seq_aux: true,
};

const third: Config = {
  ...shared,
  inference_rope_scaling: false,
  num_experts: 4,
  num_experts_per_tok: 1,
  rms_norm_eps: 1e-6,
  rope_scaling: null,
  router_aux_loss_coef: 5e-4,
  tie_word_embeddings: true,
};

/** Older names of keys, which the complete config has under their newer ones. */
const older: Readonly<Record<string, string>> = {
  dim: "hidden_size",
  n_layers: "num_hidden_layers",
  n_heads: "num_attention_heads",
  n_kv_heads: "num_key_value_heads",
  max_seq_len: "max_position_embeddings",
  hidden_dim: "intermediate_size",
  norm_eps: "rms_norm_eps",
};

/** Keys that the other generation has, and ours alone. */
const foreign = {
  2: ["generation", "head_dim", "num_experts", "moe_intermediate_size", "router_aux_loss_coef"],
  3: ["generation", "n_routed_experts", "n_shared_experts", "aux_loss_alpha", "seq_aux", "scoring_func"],
} as const;

const dtypes: Readonly<Record<Precision, string>> = { f16: "float16", f32: "float32", bf16: "bfloat16", q8: "float16" };

/** A complete `config.json`: upstream's defaults, what the model's config says, and what its tensors say. */
export function exportConfig({ sizes, config }: InferredModel, options: ExportConfigOptions): Record<string, unknown> {
  const { generation, projector, experts } = sizes;
  const given: Record<string, unknown> = {};
  for (const [key, value] of Object.entries(config)) {
    const name = older[key] ?? key;
    if (name === key || config[name] === undefined) given[name] = value;
  }
  const complete: Record<string, unknown> = {
    architectures: [projector === undefined ? "MiniMindForCausalLM" : "MiniMindVLM"],
    model_type: projector === undefined ? "minimind" : "minimind-v",
    ...(generation === 2 ? second : third),
    ...(generation === 3
      ? { intermediate_size: sizes.intermediateSize, moe_intermediate_size: sizes.intermediateSize }
      : {}),
    ...given,
    ...(generation === 2 && experts !== undefined ? { n_routed_experts: experts.routed } : {}),
    ...(projector === undefined
      ? {}
      : imageKeys(sizes.generation, { given, ...options, width: projector.featureWidth })),
    torch_dtype: dtypes[options.precision],
    ...(options.precision === "q8" ? { quantization_config: { quant_method: "q8", bits: 8, group_size: 32 } } : {}),
  };
  for (const key of [...foreign[generation], "dtype", "transformers_version"]) delete complete[key];
  return Object.fromEntries(Object.entries(complete).sort(([a], [b]) => a < b ? -1 : 1));
}

/** How images stand in the text: as many `@` as an image has embeddings, or one placeholder and their number. */
function imageKeys(
  generation: 2 | 3,
  { given, imageTokens, width }: {
    readonly given: Config;
    readonly imageTokens?: number | undefined;
    readonly width: number;
  },
): Config {
  if (generation === 3) {
    const image_token_len = imageTokens ?? given["image_token_len"] ?? 64;
    const { image_special_token = "<|image_pad|>", image_ids = [12] } = given;
    return { image_special_token, image_ids, image_hidden_size: width, image_token_len };
  }
  const { image_special_token, image_ids } = given;
  if (imageTokens === undefined && image_special_token !== undefined && image_ids !== undefined) return {};
  const ids = Array.isArray(image_ids) ? image_ids : [34];
  const count = imageTokens ?? (ids.length > 1 ? ids.length : 196);
  return { image_special_token: "@".repeat(count), image_ids: new Array(count).fill(ids[0] ?? 34) };
}
