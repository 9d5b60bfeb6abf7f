import { assertEquals, assertThrows } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { parseMiniMindOptions } from "../../decoders/minimind/mod.ts";

const refused = (config: unknown) => assertThrows(() => parseMiniMindOptions(config), ConfigError).message;

Deno.test("parseMiniMindOptions() gives generation 2 its defaults", () => {
  assertEquals(parseMiniMindOptions({ generation: 2 }), {
    generation: 2,
    hiddenSize: 512,
    numHiddenLayers: 8,
    numAttentionHeads: 8,
    numKeyValueHeads: 2,
    headDim: 64,
    intermediateSize: 1408,
    vocabSize: 6400,
    maxPositionEmbeddings: 32768,
    rmsNormEps: 1e-5,
    ropeTheta: 1e6,
    ropeScaling: undefined,
    tieWordEmbeddings: true,
    moe: undefined,
  });
});

Deno.test("parseMiniMindOptions() gives generation 3 its defaults", () => {
  assertEquals(parseMiniMindOptions({ generation: 3, use_moe: true }), {
    generation: 3,
    hiddenSize: 768,
    numHiddenLayers: 8,
    numAttentionHeads: 8,
    numKeyValueHeads: 4,
    headDim: 96,
    intermediateSize: 2432,
    vocabSize: 6400,
    maxPositionEmbeddings: 32768,
    rmsNormEps: 1e-6,
    ropeTheta: 1e6,
    ropeScaling: undefined,
    tieWordEmbeddings: true,
    moe: {
      numExperts: 4,
      numExpertsPerTok: 1,
      numSharedExperts: 0,
      intermediateSize: 2432,
      normTopkProb: true,
      auxLossCoefficient: 5e-4,
      auxLossPerSequence: false,
    },
  });
});

Deno.test("parseMiniMindOptions() reads a whole config.json of generation 2", () => {
  const options = parseMiniMindOptions({
    model_type: "minimind-v",
    architectures: ["MiniMindVLM"],
    torch_dtype: "float16",
    dropout: 0.0,
    bos_token_id: 1,
    hidden_act: "silu",
    hidden_size: 640,
    intermediate_size: null,
    num_key_value_heads: 8,
    vocab_size: 7000,
    rope_scaling: null,
    inference_rope_scaling: false,
    use_moe: true,
    n_routed_experts: 6,
    n_shared_experts: 2,
    num_experts_per_tok: 3,
    norm_topk_prob: false,
    aux_loss_alpha: 0,
    seq_aux: false,
    scoring_func: "softmax",
  });
  assertEquals(options.generation, 2);
  assertEquals([options.hiddenSize, options.headDim, options.intermediateSize], [640, 80, 1728]);
  assertEquals([options.numKeyValueHeads, options.vocabSize, options.rmsNormEps], [8, 7000, 1e-5]);
  assertEquals(options.moe, {
    numExperts: 6,
    numExpertsPerTok: 3,
    numSharedExperts: 2,
    intermediateSize: 1728,
    normTopkProb: false,
    auxLossCoefficient: 0,
    auxLossPerSequence: false,
  });
});

Deno.test("parseMiniMindOptions() reads a whole config.json of generation 3", () => {
  const options = parseMiniMindOptions({
    hidden_size: 64,
    head_dim: 32,
    num_attention_heads: 4,
    num_key_value_heads: 1,
    intermediate_size: 96,
    use_moe: true,
    num_experts: 8,
    moe_intermediate_size: 48,
    num_experts_per_tok: 2,
    router_aux_loss_coef: 0.01,
    tie_word_embeddings: false,
    rope_theta: 10000,
    inference_rope_scaling: true,
    rope_scaling: { type: "yarn", factor: 4, original_max_position_embeddings: 4096, attention_factor: 1.25 },
  });
  assertEquals(options.generation, 3);
  assertEquals([options.headDim, options.tieWordEmbeddings, options.ropeTheta], [32, false, 10000]);
  assertEquals(options.moe?.intermediateSize, 48);
  assertEquals(options.ropeScaling, {
    factor: 4,
    originalMaxPositionEmbeddings: 4096,
    betaFast: 32,
    betaSlow: 1,
    attentionFactor: 1.25,
  });
});

Deno.test("parseMiniMindOptions() follows the switch of rope scaling", () => {
  const yarn = { factor: 16, originalMaxPositionEmbeddings: 2048, betaFast: 32, betaSlow: 1, attentionFactor: 1 };
  const scaling = (config: object) => parseMiniMindOptions({ generation: 3, ...config }).ropeScaling;
  assertEquals(scaling({ inference_rope_scaling: true }), yarn);
  assertEquals(scaling({ rope_scaling: { rope_type: "yarn" } }), yarn);
  assertEquals(scaling({ inference_rope_scaling: false, rope_scaling: { type: "yarn" } }), undefined);
});

Deno.test("parseMiniMindOptions() accepts the older names of keys", () => {
  const options = parseMiniMindOptions({
    dim: 256,
    n_layers: 3,
    n_heads: 4,
    n_kv_heads: 1,
    hidden_dim: 640,
    max_seq_len: 1024,
    norm_eps: 1e-4,
  });
  assertEquals(options.generation, 2);
  assertEquals([options.hiddenSize, options.numHiddenLayers, options.numAttentionHeads], [256, 3, 4]);
  assertEquals([options.numKeyValueHeads, options.intermediateSize], [1, 640]);
  assertEquals([options.maxPositionEmbeddings, options.rmsNormEps], [1024, 1e-4]);
});

Deno.test("parseMiniMindOptions() tells the generation from keys that only one has", () => {
  for (const key of ["n_routed_experts", "n_shared_experts", "n_layers", "aux_loss_alpha"]) {
    assertEquals(parseMiniMindOptions({ [key]: 1 }).generation, 2, key);
  }
  assertEquals(parseMiniMindOptions({ seq_aux: true }).generation, 2);
  for (const key of ["num_experts", "head_dim", "moe_intermediate_size", "router_aux_loss_coef", "image_token_len"]) {
    assertEquals(parseMiniMindOptions({ [key]: 2 }).generation, 3, key);
  }
  assertEquals(parseMiniMindOptions({ generation: 2, head_dim: 32 }).generation, 2);
  assertEquals(
    refused({ hidden_size: 512 }),
    `Cannot read "generation" of "config": it is absent, and no key belongs to generation 2 or 3 alone`,
  );
  assertEquals(
    refused({ seq_aux: true, num_experts: 4 }),
    `Cannot read "generation" of "config": "seq_aux" is of generation 2, "num_experts" of 3, and neither is named`,
  );
  assertEquals(refused({ generation: 1 }), `Cannot read "generation" of "config": 1 is not 2 or 3`);
});

Deno.test("parseMiniMindOptions() names the key of a wrong value", () => {
  const wrong = (config: object) => refused({ generation: 3, ...config });
  assertEquals(
    wrong({ num_hidden_layers: "8" }),
    `Cannot read "num_hidden_layers" of "config": "8" is not a whole number of 1 or more`,
  );
  assertEquals(
    wrong({ num_attention_heads: 7 }),
    `Cannot read "num_attention_heads" of "config": 7 heads do not divide a width of 768`,
  );
  assertEquals(
    wrong({ num_key_value_heads: 3 }),
    `Cannot read "num_key_value_heads" of "config": 8 heads do not share 3 evenly`,
  );
  assertEquals(
    wrong({ head_dim: 7 }),
    `Cannot read "head_dim" of "config": 7 is odd, but rotary positions pair its halves`,
  );
  assertEquals(wrong({ hidden_act: "gelu" }), `Cannot read "hidden_act" of "config": "gelu" is not "silu"`);
  assertEquals(wrong({ dropout: 0.1 }), `Cannot read "dropout" of "config": 0.1 is not 0`);
  assertEquals(
    wrong({ use_moe: true, num_experts: 2, num_experts_per_tok: 3 }),
    `Cannot read "num_experts_per_tok" of "config": 3 of 2 experts`,
  );
  assertEquals(
    wrong({ rope_scaling: { type: "linear" } }),
    `Cannot read "type" of "config.rope_scaling": "linear" is not "yarn"`,
  );
  assertEquals(
    refused({ generation: 2, rope_scaling: { type: "yarn" } }),
    `Cannot read "rope_scaling" of "config": generation 2 has none`,
  );
  assertEquals(refused("minimind"), `Cannot read "config": "minimind" is not an object`);
});
