/**
 * Reads a llama2.c checkpoint (version 0) as tensors with MiniMind's names.
 *
 * @module
 */
import type { SourceTensor } from "../../core/weights.ts";
import type { MiniMindOptions } from "../../decoders/minimind/mod.ts";

/** A checkpoint: the architecture and its weights. */
export interface Llama2c {
  /** Architecture, as a MiniMind decoder of generation 2. */
  readonly options: MiniMindOptions;
  /** Weights by MiniMind's names, the head tied. */
  readonly tensors: ReadonlyMap<string, SourceTensor>;
}

/** Parses a file: seven i32, then f32 tensors, each kind for all layers at once. */
export function readLlama2c(file: Uint8Array<ArrayBuffer>): Llama2c {
  const [D, F, layers, H, G, V, positions] = new Int32Array(file.slice(0, 28).buffer) as unknown as number[];
  const numbers = new Float32Array(file.slice(28).buffer);
  const C = D! / H!;
  const tensors = new Map<string, SourceTensor>();
  let offset = 0;
  const take = (name: string, shape: number[], change = (values: Float32Array) => values) => {
    const count = shape.reduce((product, extent) => product * extent, 1);
    const values = numbers.subarray(offset, offset += count);
    tensors.set(name, { shape, toFloat32: () => change(values) });
  };
  const takeLayers = (part: string, shape: number[], change?: (values: Float32Array) => Float32Array) => {
    for (let layer = 0; layer < layers!; layer++) take(`model.layers.${layer}.${part}.weight`, shape, change);
  };
  const halves = (values: Float32Array) => pairsToHalves(values, { rowsPerHead: C, width: D! });
  take("model.embed_tokens.weight", [V!, D!]);
  takeLayers("input_layernorm", [D!]);
  takeLayers("self_attn.q_proj", [H! * C, D!], halves);
  takeLayers("self_attn.k_proj", [G! * C, D!], halves);
  takeLayers("self_attn.v_proj", [G! * C, D!]);
  takeLayers("self_attn.o_proj", [D!, H! * C]);
  takeLayers("post_attention_layernorm", [D!]);
  takeLayers("mlp.gate_proj", [F!, D!]);
  takeLayers("mlp.down_proj", [D!, F!]);
  takeLayers("mlp.up_proj", [F!, D!]);
  take("model.norm.weight", [D!]);
  return {
    tensors,
    options: {
      generation: 2,
      hiddenSize: D!,
      numHiddenLayers: layers!,
      numAttentionHeads: H!,
      numKeyValueHeads: G!,
      headDim: C,
      intermediateSize: F!,
      vocabSize: V!,
      maxPositionEmbeddings: positions!,
      rmsNormEps: 1e-5,
      ropeTheta: 10000,
      tieWordEmbeddings: true,
    },
  };
}

/** Reorders the rows of each head: llama2.c rotates rows 2i and 2i + 1 together, MiniMind rows i and i + C/2. */
function pairsToHalves(values: Float32Array, { rowsPerHead: C, width }: { rowsPerHead: number; width: number }) {
  const reordered = new Float32Array(values.length);
  for (let row = 0; row < values.length / width; row++) {
    const inHead = row % C;
    const from = row - inHead + (inHead < C / 2 ? 2 * inHead : 2 * inHead - C + 1);
    reordered.set(values.subarray(from * width, (from + 1) * width), row * width);
  }
  return reordered;
}
