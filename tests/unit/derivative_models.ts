/**
 * Whole models to differentiate: every parameter of a small one of each kind.
 *
 * @module
 */
import { elementCount } from "../../core/graph/tensor.ts";
import type { GraphEncoder } from "../../core/encoder.ts";
import { adaptModel, linearLayers } from "../../core/lora.ts";
import { createModel, embedPrompt, encodeImages, loss, type VisionLanguageModel } from "../../core/model.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { createClip, parseClipOptions } from "../../encoders/clip.ts";
import { createSiglip, parseSiglipOptions } from "../../encoders/siglip.ts";
import { createLinearProjector } from "../../projectors/linear.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";
import { noise } from "../conformance/case.ts";
import { type DerivativeCase, derivativeCase } from "./derivative_cases.ts";

/** What a case may have beside the plain model. */
interface ModelCaseOptions {
  /** The encoder; without one features come in. */
  readonly encoder?: GraphEncoder;
  /** What becomes of the model. */
  readonly change?: (model: VisionLanguageModel) => VisionLanguageModel;
}

/** A whole model of some thousand parameters on two rows of six tokens, each with an image of four or of two. */
function modelCase(
  label: string,
  config: Record<string, unknown>,
  { encoder, change = (model) => model }: ModelCaseOptions = {},
): DerivativeCase {
  return derivativeCase(`a whole model, ${label}`, (c) => {
    const decoder = createMiniMind(parseMiniMindOptions({
      hidden_size: 8,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      intermediate_size: 5,
      vocab_size: 11,
      ...config,
    }));
    const input = encoder?.output ?? { tokens: 2, width: 3 };
    const create = config["generation"] === 2 ? createLinearProjector : createMlpProjector;
    const N = input.tokens;
    const placeholder = { marker: 1, tokens: N, match: "run" } as const;
    const projector = create({ input, width: decoder.width });
    const model = change(createModel({ encoder, projector, decoder, placeholder }));
    const embeddings = encoder === undefined
      ? model.projector.project(c.graph, c.input("features", [2, 2, 3]))
      : encodeImages(c.graph, model, c.input("pixels", [2, 3, encoder.pixels.size, encoder.pixels.size]));
    const hidden = embedPrompt(c.graph, model, {
      ids: c.integers("ids", [2, 6], [4, 1, 1, 5, 10, 3, 1, 1, 4, 4, 9, 0]),
      images: { embeddings, index: c.integers("index", [2, 6], [-1, 0, 1, -1, -1, -1, N, N + 1, -1, -1, -1, -1]) },
    });
    const targets = c.integers("targets", [2, 6], [-1, -1, -1, 10, 3, 2, -1, -1, 4, 9, 0, -1]);
    const { total } = loss(c.graph, model, { hidden, targets });
    for (const { name, shape, role } of c.graph.named.values()) {
      if (role === "parameter") c.values.set(name, noise(name, elementCount(shape), 0.7));
    }
    return total;
  });
}

/** Every layer that can be adapted. */
function adapted(model: VisionLanguageModel): VisionLanguageModel {
  return adaptModel(model, { rank: 2, alpha: 3, layers: [...linearLayers(model).keys()] });
}

/** Two blocks over four patches. */
const vision = {
  image_size: 4,
  patch_size: 2,
  hidden_size: 4,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 6,
};

/** Cases of models. */
export const modelCases: readonly DerivativeCase[] = [
  modelCase("generation 2", { generation: 2 }),
  modelCase("generation 2 with experts", { generation: 2, use_moe: true }),
  modelCase("generation 3", { generation: 3, tie_word_embeddings: false }),
  modelCase("generation 3 with experts", { generation: 3, use_moe: true }),
  modelCase("generation 2 with experts, adapted", { generation: 2, use_moe: true, num_hidden_layers: 1 }, {
    change: adapted,
  }),
  modelCase("generation 3, adapted", { generation: 3, num_hidden_layers: 1 }, { change: adapted }),
  modelCase("generation 2 with CLIP", { generation: 2, num_hidden_layers: 1 }, {
    encoder: createClip(parseClipOptions(vision)),
  }),
  modelCase("generation 3 with SigLIP", { generation: 3, num_hidden_layers: 1 }, {
    encoder: createSiglip(parseSiglipOptions(vision)),
  }),
];
