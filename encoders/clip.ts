/**
 * CLIP's vision encoder (Radford et al. 2021), as MiniMind2-V uses it: the patches' last hidden states, without the
 * class token and before the final norm.
 *
 * @module
 */
import type { GraphEncoder } from "../core/encoder.ts";
import type { Graph } from "../core/graph/graph.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import {
  addPositions,
  embedPatches,
  type EncodeOptions,
  norm,
  parseVitFields,
  patchCount,
  prefix,
  visionFields,
  vitBlocks,
  type VitOptions,
} from "./vit.ts";

/** Architecture of CLIP's vision encoder. */
export interface ClipOptions extends VitOptions {
  /** Width of the space that images and texts share. */
  readonly projectionDim: number;
}

/** CLIP's vision encoder. */
export interface ClipEncoder extends GraphEncoder {
  /** Appends the encoder: pixels `[B,3,S,S]` → features `[B,N,D]`. Traces `pre_layrnorm` and `layer.<i>`. */
  encode(graph: Graph, pixels: Tensor, options?: EncodeOptions): Tensor;
  /** Appends the encoder and its head: pixels `[B,3,S,S]` → CLIP's image embedding `[B, projectionDim]`, not scaled. */
  classEmbedding(graph: Graph, pixels: Tensor): Tensor;
}

/** ViT-B/16 at 224 pixels: 196 features of width 768 (openai/clip-vit-base-patch16). */
export const clipBasePatch16: ClipOptions = {
  imageSize: 224,
  patchSize: 16,
  hiddenSize: 768,
  numHiddenLayers: 12,
  numAttentionHeads: 12,
  intermediateSize: 3072,
  hiddenAct: "quick",
  layerNormEps: 1e-5,
  projectionDim: 512,
};

/**
 * Reads the `config.json` of a CLIP vision model, or of a whole CLIP model.
 *
 * @throws {ConfigError} naming the key that is wrong
 */
export function parseClipOptions(config: unknown): ClipOptions {
  const { whole, vision } = visionFields(config);
  return {
    ...parseVitFields(vision, { hiddenAct: "quick", layerNormEps: 1e-5, patchSize: 32 }),
    projectionDim: whole.integer("projection_dim", vision.integer("projection_dim", 512)),
  };
}

/** Creates CLIP's vision encoder. */
export function createClip(options: ClipOptions): ClipEncoder {
  const { imageSize, hiddenSize, projectionDim, layerNormEps: eps } = options;
  const tokens = patchCount(options);
  return {
    name: "clip",
    pixels: {
      size: imageSize,
      mean: [0.48145466, 0.4578275, 0.40821073],
      std: [0.26862954, 0.26130258, 0.27577711],
    },
    output: { tokens, width: hiddenSize },
    ignores: [
      /^text_model\./,
      /^text_projection\./,
      /^logit_scale$/,
      /(^|\.)position_ids$/,
      /^vision_model\.post_layernorm\./,
      /^visual_projection\./,
    ],
    encode(graph: Graph, pixels: Tensor, { trace }: EncodeOptions = {}): Tensor {
      return graph.slice(hiddenStates(graph, pixels, { ...options, trace }), 1, tokens); // [B,N,D]
    },
    classEmbedding(graph: Graph, pixels: Tensor): Tensor {
      const hidden = graph.slice(hiddenStates(graph, pixels, options), 0, 1); // [B,1,D]
      const row = graph.reshape(hidden, [hidden.shape[0]!, hiddenSize]);
      const normed = norm(graph, row, { name: `${prefix}.post_layernorm`, eps });
      return graph.linear(normed, graph.matrix("visual_projection.weight", [projectionDim, hiddenSize]));
    },
  };
}

/** The last block's output, class token first: pixels `[B,3,S,S]` → `[B,N+1,D]`. */
function hiddenStates(graph: Graph, pixels: Tensor, options: ClipOptions & EncodeOptions): Tensor {
  const classToken = graph.parameter(`${prefix}.embeddings.class_embedding`, [options.hiddenSize]);
  const patches = embedPatches(graph, pixels, { ...options, bias: false }); // [B,N,D]
  const positioned = addPositions(graph, graph.prepend(patches, classToken)); // [B,N+1,D]
  // The checkpoints spell it so.
  const normed = norm(graph, positioned, { name: `${prefix}.pre_layrnorm`, eps: options.layerNormEps });
  options.trace?.("pre_layrnorm", normed);
  return vitBlocks(graph, normed, options);
}
