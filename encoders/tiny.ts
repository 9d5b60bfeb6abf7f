/**
 * A small vision transformer behind a stem of convolutions: overlapping 3×3 windows find edges and textures at a fine
 * grid for few operations, and the blocks then see a few dozen tokens (Xiao et al. 2021, "Early convolutions help
 * transformers see better").
 *
 * @module
 */
import type { GraphEncoder } from "../core/encoder.ts";
import type { Graph } from "../core/graph/graph.ts";
import type { Tensor } from "../core/graph/tensor.ts";
import {
  addPositions,
  type EncodeOptions,
  norm,
  parseVitFields,
  patchCount,
  prefix,
  visionFields,
  vitBlocks,
  type VitOptions,
} from "./vit.ts";

/** One stage of the stem: a convolution that makes the grid coarser, then residual ones that keep it. */
export interface StemStage {
  /** Channels that come out. */
  readonly width: number;
  /** Pixels from one window to the next, both ways: 1 to 3. */
  readonly stride: number;
  /** Residual convolutions after it. */
  readonly depth: number;
}

/** Architecture of the small encoder. The patch size is the product of the stem's strides. */
export interface TinyOptions extends VitOptions {
  /** Stages from the pixels on; the last one is as wide as the blocks. */
  readonly stem: readonly StemStage[];
}

/** The small encoder. */
export interface TinyEncoder extends GraphEncoder {
  /** Appends the encoder: pixels `[B,3,S,S]` → features `[B,N,D]`. Traces `stem.<i>`, `embeddings` and `layer.<i>`. */
  encode(graph: Graph, pixels: Tensor, options?: EncodeOptions): Tensor;
}

const stem: readonly StemStage[] = [
  { width: 24, stride: 2, depth: 0 },
  { width: 48, stride: 2, depth: 0 },
  { width: 96, stride: 2, depth: 2 },
  { width: 192, stride: 3, depth: 0 },
];

/** The demo model's: 144 pixels, 36 features of width 192, 2.2 million parameters. */
export const tinyDefaults: TinyOptions = {
  imageSize: 144,
  patchSize: 24,
  hiddenSize: 192,
  numHiddenLayers: 4,
  numAttentionHeads: 6,
  intermediateSize: 768,
  hiddenAct: "quick",
  layerNormEps: 1e-6,
  stem,
};

/**
 * Reads its `config.json`: the keys of any vision transformer, and `stem_widths`, `stem_strides` and `stem_depths` with
 * one number a stage. What is absent is as in {@link tinyDefaults}.
 *
 * @throws {ConfigError} naming the key that is wrong
 */
export function parseTinyOptions(config: unknown): TinyOptions {
  const { vision } = visionFields(config);
  const list = (key: string, part: keyof StemStage, minimum: number) =>
    vision.integers(key, stem.map((stage) => stage[part]), minimum);
  const [widths, strides, depths] = [
    list("stem_widths", "width", 1),
    list("stem_strides", "stride", 1),
    list("stem_depths", "depth", 0),
  ];
  for (const [key, numbers] of [["stem_strides", strides], ["stem_depths", depths]] as const) {
    if (numbers.length === widths.length) continue;
    throw vision.error(key, `there are ${numbers.length} stages, but ${widths.length} stem_widths`);
  }
  const wide = strides.find((stride) => stride > 3);
  if (wide !== undefined) throw vision.error("stem_strides", `${wide} is more than a window of 3`);
  const patchSize = strides.reduce((product, stride) => product * stride, 1);
  const options = parseVitFields(vision, { ...tinyDefaults, patchSize });
  if (options.patchSize !== patchSize) {
    throw vision.error("patch_size", `${options.patchSize} is not ${patchSize}, the product of the strides`);
  }
  if (widths.at(-1) !== options.hiddenSize) {
    throw vision.error("stem_widths", `the last is ${widths.at(-1)}, but hidden_size ${options.hiddenSize}`);
  }
  return { ...options, stem: widths.map((width, i) => ({ width, stride: strides[i]!, depth: depths[i]! })) };
}

/** Creates the small encoder. */
export function createTiny(options: TinyOptions): TinyEncoder {
  const { imageSize: S, hiddenSize: D, layerNormEps: eps } = options;
  const tokens = patchCount(options);
  return {
    name: "tiny",
    pixels: { size: S, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5], fit: "stretch", filter: "bilinear" },
    output: { tokens, width: D },
    ignores: [],
    encode(graph: Graph, pixels: Tensor, { trace }: EncodeOptions = {}): Tensor {
      const B = pixels.shape[0]!;
      // Patches of one pixel: its three colours side by side.
      let x = graph.reshape(graph.patches(pixels, 1), [B, S, S, 3]);
      for (const [i, stage] of options.stem.entries()) {
        x = stemStage(graph, x, { ...stage, name: `${prefix}.stem.${i}`, eps });
        trace?.(`stem.${i}`, x);
      }
      const embedded = addPositions(graph, graph.reshape(x, [B, tokens, D]));
      trace?.("embeddings", embedded);
      return norm(graph, vitBlocks(graph, embedded, { ...options, trace }), { name: `${prefix}.post_layernorm`, eps });
    },
  };
}

interface Named {
  readonly name: string;
  readonly eps: number;
}

/** One stage: x `[B,H,W,C]` → `[B,H/stride,W/stride,width]`. */
function stemStage(graph: Graph, x: Tensor, { name, eps, width, stride, depth }: StemStage & Named): Tensor {
  x = convolve(graph, x, { name: `${name}.0`, eps, width, stride });
  for (let i = 1; i <= depth; i++) {
    x = graph.add(x, convolve(graph, x, { name: `${name}.${i}`, eps, width, stride: 1 }));
  }
  return x;
}

/** A convolution by windows of 3×3, its norm over the channels, and GELU. */
function convolve(
  graph: Graph,
  x: Tensor,
  { name, eps, width, stride }: Named & Omit<StemStage, "depth">,
): Tensor {
  // Windows that overlap are centred on their pixel; three apart, they lie side by side.
  const windows = graph.unfold(x, { window: 3, stride, padding: stride < 3 ? 1 : 0 });
  const weight = graph.matrix(`${name}.conv.weight`, [width, 3, 3, x.shape[3]!]);
  return graph.gelu(norm(graph, graph.linear(windows, weight), { name: `${name}.norm`, eps }), "quick");
}
