/**
 * A model for tests of generation: CLIP of 4 tokens, two blocks with experts, 61 ids, weights from one stream.
 *
 * @module
 */
import { drawFloats } from "../../cli/verify/number_generator.ts";
import { createModel, type VisionLanguageModel } from "../../core/model.ts";
import { planParameters } from "../../core/model_plans.ts";
import type { TensorSource } from "../../core/weights.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { createClip } from "../../encoders/clip.ts";
import { createLinearProjector } from "../../projectors/linear.ts";

/** Image features and how wide they are. */
export const grid = { tokens: 4, width: 16 };

/** The model. */
export const model: VisionLanguageModel = createModel({
  encoder: createClip({
    imageSize: 8,
    patchSize: 4,
    hiddenSize: grid.width,
    numHiddenLayers: 1,
    numAttentionHeads: 2,
    intermediateSize: 32,
    hiddenAct: "quick",
    layerNormEps: 1e-5,
    projectionDim: 8,
  }),
  projector: createLinearProjector({ input: grid, width: 24 }),
  decoder: createMiniMind(parseMiniMindOptions({
    generation: 2,
    hidden_size: 24,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    intermediate_size: 40,
    vocab_size: 61,
    max_position_embeddings: 96,
    use_moe: true,
    tie_word_embeddings: false,
  })),
  placeholder: { marker: 9, tokens: 4, match: "exact" },
});

/** Weights drawn from one stream, wide enough that no two logits are close. */
export const weights: TensorSource = new Map(
  [...planParameters(model).storages].filter(([, { role }]) => role === "parameter").map(([name, { shape }], i) => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const range = { amplitude: 2 / Math.sqrt(shape.at(-1)!), center: name.includes("norm") ? 1 : 0 };
    return [name, { shape, toFloat32: () => drawFloats({ seed: i, count }, range) }];
  }),
);
