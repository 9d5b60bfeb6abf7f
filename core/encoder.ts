/**
 * The contract of a vision encoder: pixels in, a grid of feature vectors out.
 *
 * @module
 */
import type { Graph } from "./graph/graph.ts";
import type { Tensor } from "./graph/tensor.ts";

/** What pixels an encoder takes: `[B, 3, size, size]` f32, scaled to 0…1, then (x − mean) / std per channel. */
export interface PixelSpec {
  /** Edge of the square input in pixels. */
  readonly size: number;
  /** Mean per channel, red, green, blue. */
  readonly mean: readonly [number, number, number];
  /** Standard deviation per channel, red, green, blue. */
  readonly std: readonly [number, number, number];
  /** How an image becomes square: `crop` the centre after fitting the shorter edge, or `stretch`. Default `crop`. */
  readonly fit?: "crop" | "stretch" | undefined;
  /** Resampling filter. Default `bicubic`. */
  readonly filter?: "bicubic" | "bilinear" | undefined;
}

/** A sequence of vectors: N tokens of the given width. */
export interface Grid {
  /** Vectors per image. */
  readonly tokens: number;
  /** Numbers per vector. */
  readonly width: number;
}

/** What every encoder tells about itself. */
export interface EncoderDescription {
  /** Name for messages. */
  readonly name: string;
  /** The pixels it takes. */
  readonly pixels: PixelSpec;
  /** The features it gives. */
  readonly output: Grid;
}

/** An encoder on the graph: planned, loaded and (if wanted) trained like the rest of the model. */
export interface GraphEncoder extends EncoderDescription {
  /** Tensors that its checkpoints contain and it does not use, matched by name. */
  readonly ignores: readonly RegExp[];
  /** Appends the encoder: pixels `[B,3,S,S]` → features `[B,N,C]`; `graph.block()` as in a decoder. */
  encode(graph: Graph, pixels: Tensor): Tensor;
}

/** An encoder that another runtime computes, such as an ONNX file. It brings its own weights and stays frozen. */
export interface HostEncoder extends EncoderDescription, AsyncDisposable {
  /** Pixels of one image, `[3,S,S]` in C order → features, `[N,C]` in C order. */
  run(pixels: Float32Array): Promise<Float32Array>;
}

/** Turns pixels into features. */
export type VisionEncoder = GraphEncoder | HostEncoder;

/** Whether an encoder is part of the graph. */
export function isGraphEncoder(encoder: VisionEncoder): encoder is GraphEncoder {
  return "encode" in encoder;
}
