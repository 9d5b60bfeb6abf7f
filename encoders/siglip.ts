/**
 * SigLIP's vision encoder (Zhai et al. 2023; SigLIP 2, Tschannen et al. 2025, has the same architecture), as
 * minimind-3v uses it: the last hidden states after the final norm, without the pooling head.
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

/** Architecture of SigLIP's vision encoder. */
export type SiglipOptions = VitOptions;

/** SigLIP's vision encoder. */
export interface SiglipEncoder extends GraphEncoder {
  /** Appends the encoder: pixels `[B,3,S,S]` → features `[B,N,D]`. Traces `embeddings` and `layer.<i>`. */
  encode(graph: Graph, pixels: Tensor, options?: EncodeOptions): Tensor;
}

/** Base, patches of 32, 256 pixels: 64 features of width 768 (google/siglip2-base-patch32-256). */
export const siglipBasePatch32: SiglipOptions = {
  imageSize: 256,
  patchSize: 32,
  hiddenSize: 768,
  numHiddenLayers: 12,
  numAttentionHeads: 12,
  intermediateSize: 3072,
  hiddenAct: "tanh",
  layerNormEps: 1e-6,
};

/** Base, patches of 16, 256 pixels: 256 features of width 768 (google/siglip2-base-patch16-256). */
export const siglipBasePatch16: SiglipOptions = { ...siglipBasePatch32, patchSize: 16 };

/**
 * Reads the `config.json` of a SigLIP vision model, or of a whole SigLIP model.
 *
 * @throws {ConfigError} naming the key that is wrong
 */
export function parseSiglipOptions(config: unknown): SiglipOptions {
  const { vision } = visionFields(config);
  return parseVitFields(vision, { hiddenAct: "tanh", layerNormEps: 1e-6, patchSize: 16 });
}

/** Creates SigLIP's vision encoder. */
export function createSiglip(options: SiglipOptions): SiglipEncoder {
  const { imageSize, hiddenSize, layerNormEps: eps } = options;
  return {
    name: "siglip",
    pixels: { size: imageSize, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], fit: "stretch", filter: "bilinear" },
    output: { tokens: patchCount(options), width: hiddenSize },
    ignores: [/^text_model\./, /^logit_(scale|bias)$/, /(^|\.)position_ids$/, /^vision_model\.head\./],
    encode(graph: Graph, pixels: Tensor, { trace }: EncodeOptions = {}): Tensor {
      const embedded = addPositions(graph, embedPatches(graph, pixels, { ...options, bias: true })); // [B,N,D]
      trace?.("embeddings", embedded);
      return norm(graph, vitBlocks(graph, embedded, { ...options, trace }), { name: `${prefix}.post_layernorm`, eps });
    },
  };
}
