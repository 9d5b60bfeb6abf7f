/**
 * A tiny model with weights drawn at random: whatever a real model can do can be tried with it at once, without a
 * file, and its answers are noise.
 *
 * @module
 */
import type { ModelConfig } from "../core/config.ts";
import { elementCount, type Tensor } from "../core/graph/tensor.ts";
import type { VisionLanguageModel } from "../core/model.ts";
import { planParameters } from "../core/model_plans.ts";
import { uniform } from "../core/sampling.ts";
import type { SourceTensor, TensorSource } from "../core/weights.ts";
import { byteCharacters } from "../data/tokenizer/byte_level.ts";
import { controlTokens, tokenizerTexts } from "../data/tokenizer/tokenizer_texts.ts";
import type { TokenizerTexts } from "./model_source.ts";

/** Its parts: CLIP at 32 pixels, a linear projector, two blocks of the MiniMind decoder over bytes. */
export const randomModelConfig: ModelConfig = {
  encoder: {
    use: "clip",
    options: {
      image_size: 32,
      patch_size: 8,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      intermediate_size: 128,
    },
  },
  projector: "linear",
  decoder: {
    use: "minimind",
    options: {
      generation: 3,
      hidden_size: 64,
      num_hidden_layers: 2,
      num_attention_heads: 4,
      num_key_value_heads: 2,
      intermediate_size: 192,
      vocab_size: controlTokens.length + byteCharacters.length,
      max_position_embeddings: 4096,
    },
  },
  placeholder: { token: "<|image_pad|>", match: "run" },
  generation: { maxNewTokens: 64, temperature: 0.8, topK: 40 },
  context: 2048,
};

/** Its tokenizer: every byte is a token. */
export function randomModelTokenizer(): TokenizerTexts {
  const vocab = new Map([...controlTokens, ...byteCharacters].map((text, id) => [text, id]));
  return tokenizerTexts({ vocab, merges: [] }, { added: controlTokens });
}

/**
 * Weights for every parameter of a model that none of `sources` has. They depend on their names alone and keep the
 * size of what passes through them, so that a model of any shape gives finite numbers.
 */
export function randomWeights(model: VisionLanguageModel, sources: Iterable<TensorSource> = []): TensorSource {
  const known = new Set([...sources].flatMap((source) => [...source.keys()].map(withoutPrefix)));
  const parameters = [...planParameters(model).storages.values()].filter(({ role }) => role === "parameter");
  const missing = parameters.filter(({ name }) => !known.has(withoutPrefix(name)));
  return new Map(missing.map((tensor): [string, SourceTensor] => {
    let values: Float32Array | undefined;
    return [tensor.name, { shape: tensor.shape, toFloat32: () => values ??= draw(tensor) }];
  }));
}

/** Checkpoints name an encoder's tensors with or without it. */
function withoutPrefix(name: string): string {
  return name.replace(/^vision_model\./, "");
}

/** Numbers after which a large tensor repeats itself: drawing each of a hundred million would take long. */
const period = 100_003;

/** Matrices of unit gain, norms around 1, small biases. */
function draw({ name, shape, layout }: Tensor): Float32Array {
  const count = elementCount(shape);
  const center = layout === "rows" && name.endsWith("weight") && shape.length === 1 ? 1 : 0;
  const amplitude = layout === "rows" ? 0.1 : Math.sqrt(3 * shape[0]! / count);
  let seed = 0;
  for (const letter of name) seed = Math.imul(seed, 31) + letter.codePointAt(0)! | 0;
  const values = new Float32Array(count);
  const drawn = Math.min(count, period);
  for (let i = 0; i < drawn; i++) values[i] = center + amplitude * (2 * uniform(seed, i) - 1);
  for (let done = drawn; done < count; done *= 2) values.copyWithin(done, 0, Math.min(done, count - done));
  return name.endsWith("embed_tokens.weight") ? preferPrintable(values, shape[1]!) : values;
}

/** The head is this matrix too: longer rows get larger logits. Noise of letters is easier on a terminal than bytes. */
function preferPrintable(rows: Float32Array, width: number): Float32Array {
  const first = controlTokens.length + 0x20, last = controlTokens.length + 0x7e;
  return rows.map((value, i) => {
    const id = Math.floor(i / width);
    const printable = (id >= first && id <= last) || id === controlTokens.indexOf("<|im_end|>");
    return value * (printable ? 2 : 0.2);
  });
}
