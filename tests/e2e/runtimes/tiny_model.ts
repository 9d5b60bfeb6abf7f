/**
 * A whole model of half a megabyte with seeded weights, in the files that a released one has.
 *
 * @module
 */
import { createModel } from "../../../core/model.ts";
import { planParameters } from "../../../core/model_plans.ts";
import { type TensorToWrite, writeSafetensors } from "../../../data/safetensors_writer.ts";
import { createMiniMind, parseMiniMindOptions } from "../../../decoders/minimind/mod.ts";
import { createSiglip, parseSiglipOptions } from "../../../encoders/siglip.ts";
import { createMlpProjector } from "../../../projectors/mlp.ts";
import { fixtureFiles, fixtureTokenizer } from "../../unit/fixture_tokenizer.ts";
import { seededWeight } from "../../unit/seeded_run.ts";

/** Files of the model by name: weights with the encoder's among them, tokenizer and `config.json`. */
export function tinyModel(): ReadonlyMap<string, Uint8Array<ArrayBuffer>> {
  const tokenizer = fixtureTokenizer("v3");
  const files = fixtureFiles("v3");
  const vocabulary: number[] = Object.values(JSON.parse(files.tokenizer).model.vocab);
  const config = {
    generation: 3,
    hidden_size: 64,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: Math.max(...vocabulary, ...[...tokenizer.addedTokens.values()].map(({ id }) => id)) + 1,
  };
  const encoder = createSiglip(parseSiglipOptions({
    image_size: 48,
    patch_size: 16,
    hidden_size: 64, // one head of the usual width: nothing beside the tensors says how many there are
    num_hidden_layers: 2,
    num_attention_heads: 1,
    intermediate_size: 96,
  }));
  const decoder = createMiniMind(parseMiniMindOptions(config));
  const projector = createMlpProjector({ input: encoder.output, width: decoder.width });
  const marker = tokenizer.encode("<|image_pad|>")[0]!;
  const placeholder = { marker, tokens: encoder.output.tokens, match: "run" } as const;
  const weights = new Map<string, TensorToWrite>();
  for (const [name, tensor] of planParameters(createModel({ encoder, projector, decoder, placeholder })).storages) {
    if (tensor.role !== "parameter") continue;
    const own = /^(model|vision_proj)\./.test(name);
    weights.set(own ? name : `vision_encoder.${name}`, { shape: tensor.shape, values: seededWeight(tensor) });
  }
  const text = (content: string) => new TextEncoder().encode(content);
  return new Map([
    ["model.safetensors", writeSafetensors(weights)],
    ["config.json", text(JSON.stringify(config))],
    ["tokenizer.json", text(files.tokenizer)],
    ["tokenizer_config.json", text(files.config)],
  ]);
}
