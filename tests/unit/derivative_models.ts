/**
 * Whole models to differentiate: every parameter of a small one of each kind.
 *
 * @module
 */
import { elementCount } from "../../core/graph/tensor.ts";
import { adaptModel, linearLayers } from "../../core/lora.ts";
import { createModel, embedPrompt, loss, type VisionLanguageModel } from "../../core/model.ts";
import { createMiniMind, parseMiniMindOptions } from "../../decoders/minimind/mod.ts";
import { createLinearProjector } from "../../projectors/linear.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";
import { noise } from "../conformance/case.ts";
import { type DerivativeCase, derivativeCase } from "./derivative_cases.ts";

/** A whole model of some thousand parameters on two rows of six tokens, each with an image of two. */
function modelCase(
  label: string,
  config: Record<string, unknown>,
  change: (model: VisionLanguageModel) => VisionLanguageModel = (model) => model,
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
    const input = { tokens: 2, width: 3 };
    const create = config["generation"] === 2 ? createLinearProjector : createMlpProjector;
    const placeholder = { marker: 1, tokens: 2, match: "run" } as const;
    const model = change(createModel({ decoder, projector: create({ input, width: decoder.width }), placeholder }));
    const hidden = embedPrompt(c.graph, model, {
      ids: c.integers("ids", [2, 6], [4, 1, 1, 5, 10, 3, 1, 1, 4, 4, 9, 0]),
      images: {
        embeddings: model.projector.project(c.graph, c.input("features", [2, 2, 3])),
        index: c.integers("index", [2, 6], [-1, 0, 1, -1, -1, -1, 2, 3, -1, -1, -1, -1]),
      },
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

/** Cases of models. */
export const modelCases: readonly DerivativeCase[] = [
  modelCase("generation 2", { generation: 2 }),
  modelCase("generation 2 with experts", { generation: 2, use_moe: true }),
  modelCase("generation 3", { generation: 3, tie_word_embeddings: false }),
  modelCase("generation 3 with experts", { generation: 3, use_moe: true }),
  modelCase("generation 2 with experts, adapted", { generation: 2, use_moe: true, num_hidden_layers: 1 }, adapted),
  modelCase("generation 3, adapted", { generation: 3, num_hidden_layers: 1 }, adapted),
];
