/**
 * The whole vision-language model on one page: encode, project, splice, decode, and the loss.
 *
 * @module
 */
import type { CacheOptions, Decoder, DecoderOutput, Packing } from "./decoder.ts";
import { type Grid, isGraphEncoder, type VisionEncoder } from "./encoder.ts";
import { ConfigError } from "./errors.ts";
import type { Graph } from "./graph/graph.ts";
import { elementCount, type Tensor } from "./graph/tensor.ts";
import type { PlaceholderRule } from "./placeholders.ts";
import type { Projector } from "./projector.ts";

/** The parts of a vision-language model, and where images go in its prompts. */
export interface VisionLanguageModel {
  /** Pixels to features; absent where features are computed elsewhere or precomputed. */
  readonly encoder?: VisionEncoder | undefined;
  /** Features to embeddings. */
  readonly projector: Projector;
  /** Embeddings to logits. */
  readonly decoder: Decoder;
  /** Which markers of a prompt an image's embeddings replace. */
  readonly placeholder: PlaceholderRule;
}

/**
 * Puts parts together after checking that they fit.
 *
 * @throws {ConfigError} naming both neighbours where they do not
 */
export function createModel(parts: VisionLanguageModel): VisionLanguageModel {
  const { encoder, projector, decoder, placeholder } = parts;
  const grid = ({ tokens, width }: Grid) => `${tokens} features of width ${width}`;
  const join = (problem: string) => new ConfigError(`Cannot join ${problem}`);
  if (encoder !== undefined) {
    const { output } = encoder;
    if (output.tokens !== projector.input.tokens || output.width !== projector.input.width) {
      throw join(`encoder "${encoder.name}" and projector: ${grid(output)}, expected ${grid(projector.input)}`);
    }
  }
  if (projector.output.width !== decoder.width) {
    throw join(`projector and decoder "${decoder.name}": width ${projector.output.width}, expected ${decoder.width}`);
  }
  if (projector.output.tokens !== placeholder.tokens) {
    throw join(`projector and placeholder: ${projector.output.tokens} embeddings for ${placeholder.tokens} markers`);
  }
  if (placeholder.marker < 0 || placeholder.marker >= decoder.vocabulary) {
    throw join(`placeholder and decoder "${decoder.name}": marker ${placeholder.marker} of ${decoder.vocabulary} ids`);
  }
  return parts;
}

/**
 * Pixels `[B,3,S,S]` → image embeddings `[B,N,D]`.
 *
 * @throws {ConfigError} if the model has no encoder, or one that another runtime computes
 */
export function encodeImages(graph: Graph, { encoder, projector }: VisionLanguageModel, pixels: Tensor): Tensor {
  if (encoder === undefined) throw new ConfigError("Cannot encode images: the model has no encoder");
  if (!isGraphEncoder(encoder)) throw new ConfigError(`Cannot encode images: "${encoder.name}" is not on the graph`);
  return projector.project(graph, encoder.encode(graph, pixels));
}

/** Embeddings of images and where they go. */
export interface ImageEmbeddings {
  /** Embeddings of all images, `[M,D]` or `[B,N,D]`. */
  readonly embeddings: Tensor;
  /** For each token the row of its embedding, −1 for text, `[B,T]` i32; see `spliceIndex`. */
  readonly index: Tensor;
}

/** A prompt: text, or text and images. */
export interface Prompt {
  /** Token ids, `[B,T]` i32. */
  readonly ids: Tensor;
  /** Images in it. */
  readonly images?: ImageEmbeddings | undefined;
}

/** Token ids `[B,T]` → embeddings `[B,T,D]`, those of image markers replaced by the images' own. */
export function embedPrompt(graph: Graph, model: VisionLanguageModel, { ids, images }: Prompt): Tensor {
  const hidden = model.decoder.embed(graph, ids);
  if (images === undefined) return hidden;
  const { embeddings, index } = images;
  const D = embeddings.shape.at(-1)!;
  return graph.splice(hidden, graph.reshape(embeddings, [elementCount(embeddings.shape) / D, D]), index);
}

/** Input of {@link forward}. */
export interface ForwardInput {
  /** Embeddings, `[B,T,D]`. */
  readonly hidden: Tensor;
  /** Reads and extends a KV cache. */
  readonly cache?: CacheOptions | undefined;
  /** 0 for padding, `[B,S]` i32. */
  readonly keep?: Tensor | undefined;
  /** The one token of each row whose logits are wanted, `[B]` i32; all of them by default. */
  readonly row?: Tensor | undefined;
}

/** Result of {@link forward}. */
export interface ForwardOutput extends DecoderOutput {
  /** Logits `[B,T,V]`, or `[B,V]` of one token a row. */
  readonly logits: Tensor;
}

/** Embeddings `[B,T,D]` → logits. */
export function forward(graph: Graph, model: VisionLanguageModel, input: ForwardInput): ForwardOutput {
  const { hidden, cache, keep, row } = input;
  const output = model.decoder.forward(graph, hidden, { cache, keep });
  const wanted = row === undefined ? output.hidden : graph.takeRow(output.hidden, row);
  return { ...output, logits: model.decoder.logits(graph, wanted) };
}

/** Input of {@link loss}. */
export interface LossInput {
  /** Embeddings, `[B,T,D]`. */
  readonly hidden: Tensor;
  /** The id that should follow each token, `[B,T]` i32; negative where nothing is learnt. */
  readonly targets: Tensor;
  /** 0 for padding, `[B,T]` i32. */
  readonly keep?: Tensor | undefined;
  /** Several sequences in each row. Default one. */
  readonly packing?: Packing | undefined;
  /** Whether to add the routers' load-balancing losses. Default true; dense models have none. */
  readonly auxLoss?: boolean | undefined;
}

/** Result of {@link loss}, one number `[1]` each. */
export interface LossOutput {
  /** What training minimises: cross-entropy plus auxiliary loss. */
  readonly total: Tensor;
  /** Mean cross-entropy over the targets. */
  readonly crossEntropy: Tensor;
  /** Sum of the routers' load-balancing losses; absent for dense models or when not asked for. */
  readonly auxLoss?: Tensor | undefined;
}

/** Embeddings `[B,T,D]` → loss; the logits are never kept. */
export function loss(graph: Graph, model: VisionLanguageModel, input: LossInput): LossOutput {
  const { decoder } = model;
  const rows = [elementCount(input.targets.shape)]; // [M]
  const targets = graph.reshape(input.targets, rows);
  const { hidden, auxLoss } = decoder.forward(graph, input.hidden, {
    keep: input.keep,
    packing: input.packing,
    auxLoss: input.auxLoss ?? true,
  });
  const each = graph.crossEntropy(graph.reshape(hidden, [...rows, decoder.width]), decoder.head(graph), targets); // [M]
  const crossEntropy = graph.meanLoss(each, targets);
  return { total: auxLoss === undefined ? crossEntropy : graph.add(crossEntropy, auxLoss), crossEntropy, auxLoss };
}
