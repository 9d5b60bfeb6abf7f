/**
 * The vision transformer that CLIP and SigLIP share (Dosovitskiy et al. 2021): patches, positions, pre-norm blocks.
 *
 * Weights bear Hugging Face's names (`vision_model.encoder.layers.0.self_attn.q_proj.weight`, …).
 *
 * @module
 */
import { Fields } from "../core/fields.ts";
import type { Graph } from "../core/graph/graph.ts";
import type { GeluKind } from "../core/graph/kernels.ts";
import type { Tensor } from "../core/graph/tensor.ts";

/** Architecture of a vision transformer. The names are those of its `config.json` in camelCase. */
export interface VitOptions {
  /** Edge of the square input in pixels. */
  readonly imageSize: number;
  /** Edge of a square patch in pixels; divides the image size. */
  readonly patchSize: number;
  /** Width D of the hidden states. */
  readonly hiddenSize: number;
  /** Number of blocks. */
  readonly numHiddenLayers: number;
  /** Attention heads H; divide the width. */
  readonly numAttentionHeads: number;
  /** Feed-forward width F. */
  readonly intermediateSize: number;
  /** Nonlinearity of the feed-forward part. */
  readonly hiddenAct: GeluKind;
  /** Added to the variance in LayerNorm. */
  readonly layerNormEps: number;
}

/** Is told the hidden states on the way, `[B,N,D]` each: `layer.<i>` and whatever else an encoder names. */
export type Trace = (name: string, tensor: Tensor) => void;

/** Second argument of an encoder's functions. */
export interface EncodeOptions {
  /** Called while the graph is built. */
  readonly trace?: Trace | undefined;
}

/** Front of every weight's name. */
export const prefix = "vision_model";

/** Patches in an image. */
export function patchCount({ imageSize, patchSize }: Pick<VitOptions, "imageSize" | "patchSize">): number {
  return (imageSize / patchSize) ** 2;
}

/** Patch embedding, a convolution whose stride is its size: pixels `[B,3,S,S]` → `[B,N,D]`. */
export function embedPatches(
  graph: Graph,
  pixels: Tensor,
  { patchSize: P, hiddenSize: D, bias }: VitOptions & { readonly bias: boolean },
): Tensor {
  const name = `${prefix}.embeddings.patch_embedding`;
  const weight = graph.matrix(`${name}.weight`, [D, 3, P, P]);
  return graph.linear(graph.patches(pixels, P), weight, bias ? graph.parameter(`${name}.bias`, [D]) : undefined);
}

/** Adds the learned positions: x `[B,N,D]` → `[B,N,D]`. */
export function addPositions(graph: Graph, x: Tensor): Tensor {
  return graph.add(x, graph.parameter(`${prefix}.embeddings.position_embedding.weight`, x.shape.slice(1)));
}

/** LayerNorm with the weights `{name}.weight` and `.bias`: x `[*,D]` → `[*,D]`. */
export function norm(graph: Graph, x: Tensor, { name, eps }: { readonly name: string; readonly eps: number }): Tensor {
  const shape = x.shape.slice(-1);
  return graph.layerNorm(x, graph.parameter(`${name}.weight`, shape), graph.parameter(`${name}.bias`, shape), eps);
}

/** All blocks: x `[B,N,D]` → `[B,N,D]`. */
export function vitBlocks(graph: Graph, x: Tensor, options: VitOptions & EncodeOptions): Tensor {
  for (let layer = 0; layer < options.numHiddenLayers; layer++) {
    const name = `${prefix}.encoder.layers.${layer}`;
    x = graph.block(() => vitBlock(graph, x, { ...options, name }));
    options.trace?.(`layer.${layer}`, x);
  }
  return x;
}

function vitBlock(graph: Graph, x: Tensor, options: VitOptions & { readonly name: string }): Tensor {
  const { name, hiddenSize: D, numAttentionHeads: H, intermediateSize: F, layerNormEps: eps } = options;
  const [B, N] = x.shape as [number, number];
  const project = (input: Tensor, part: string, out: number) => {
    const weight = graph.matrix(`${name}.${part}.weight`, [out, input.shape.at(-1)!]);
    return graph.linear(input, weight, graph.parameter(`${name}.${part}.bias`, [out]));
  };
  const normed = norm(graph, x, { name: `${name}.layer_norm1`, eps });
  const heads = (part: string) => graph.reshape(project(normed, `self_attn.${part}_proj`, D), [B, N, H, D / H]);
  const attended = graph.attention(heads("q"), heads("k"), heads("v"), { causal: false }); // [B,N,H,C]
  x = graph.add(x, project(graph.reshape(attended, [B, N, D]), "self_attn.out_proj", D));
  const hidden = project(norm(graph, x, { name: `${name}.layer_norm2`, eps }), "mlp.fc1", F); // [B,N,F]
  return graph.add(x, project(graph.gelu(hidden, options.hiddenAct), "mlp.fc2", D));
}

const activations = { quick_gelu: "quick", gelu_pytorch_tanh: "tanh", gelu_new: "tanh", gelu: "erf" } as const;

/**
 * Reads the vision fields of a Hugging Face `config.json`; the defaults are those of the model's own class there.
 *
 * @throws {ConfigError} naming the key that is wrong
 */
export function parseVitFields(
  fields: Fields,
  defaults: Pick<VitOptions, "hiddenAct" | "layerNormEps" | "patchSize"> & Partial<VitOptions>,
): VitOptions {
  fields.choice("num_channels", [3], 3);
  const imageSize = fields.integer("image_size", defaults.imageSize ?? 224);
  const patchSize = fields.integer("patch_size", defaults.patchSize);
  const hiddenSize = fields.integer("hidden_size", defaults.hiddenSize ?? 768);
  const heads = fields.integer("num_attention_heads", defaults.numAttentionHeads ?? 12);
  if (imageSize % patchSize !== 0) {
    throw fields.error("patch_size", `${patchSize} does not divide an image of ${imageSize}`);
  }
  if (hiddenSize % heads !== 0) {
    throw fields.error("num_attention_heads", `${heads} heads do not divide a width of ${hiddenSize}`);
  }
  const names = Object.keys(activations) as (keyof typeof activations)[];
  return {
    imageSize,
    patchSize,
    hiddenSize,
    numHiddenLayers: fields.integer("num_hidden_layers", defaults.numHiddenLayers ?? 12),
    numAttentionHeads: heads,
    intermediateSize: fields.integer("intermediate_size", defaults.intermediateSize ?? 3072),
    hiddenAct: fields.has("hidden_act") ? activations[fields.choice("hidden_act", names, "gelu")] : defaults.hiddenAct,
    layerNormEps: fields.number("layer_norm_eps", defaults.layerNormEps),
  };
}

/** The vision part of a config: its `vision_config` where it describes a whole model, else all of it. */
export function visionFields(config: unknown): { readonly whole: Fields; readonly vision: Fields } {
  const whole = new Fields(config, "config");
  return { whole, vision: whole.object("vision_config") ?? whole };
}
