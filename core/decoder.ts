/**
 * The contract of a decoder: a causal language model over embeddings.
 *
 * @module
 */
import type { CachePlaces, Graph } from "./graph/graph.ts";
import type { Tensor } from "./graph/tensor.ts";

/**
 * The KV cache of a program, states `[R,S,…]` of which each row b of a run has one, `row[b]`, and fills it from position
 * `start[b]` on.
 */
export interface CacheOptions extends CachePlaces {
  /** Positions S of a row. */
  readonly capacity: number;
  /** Rows R. Default B, and then b has row b. */
  readonly rows?: number | undefined;
}

/** Several sequences in one row, each after the other: what tells them apart. */
export interface Packing {
  /** Position of every token in its own sequence, `[B,T]` i32. */
  readonly position: Tensor;
  /** Segment of every token, `[B,T]` i32: a token sees its own and the prefix of it; see `packedSegment`. */
  readonly segment: Tensor;
}

/** Options of {@link Decoder.forward}. */
export interface ForwardOptions {
  /** Reads and extends a KV cache; without it the new tokens are all there is. */
  readonly cache?: CacheOptions | undefined;
  /** 0 for padding, `[B,S]` i32. */
  readonly keep?: Tensor | undefined;
  /** Several sequences in each row, only without a cache. A decoder that knows no such thing must throw. */
  readonly packing?: Packing | undefined;
  /** Whether to compute the router's auxiliary loss (training). Default false. */
  readonly auxLoss?: boolean | undefined;
}

/** Result of {@link Decoder.forward}. */
export interface DecoderOutput {
  /** Normalised hidden states `[B,T,D]`, ready for the head. */
  readonly hidden: Tensor;
  /** Output of every block `[B,T,D]`, for inspection; costs memory only where made an output. */
  readonly blocks: readonly Tensor[];
  /** Sum of the routers' auxiliary losses, `[1]`; absent for dense models or when not asked for. */
  readonly auxLoss?: Tensor | undefined;
}

/** A causal language model. */
export interface Decoder {
  /** Name for messages. */
  readonly name: string;
  /** Embedding width D. */
  readonly width: number;
  /** Vocabulary size V. */
  readonly vocabulary: number;
  /** Longest sequence the positions allow. */
  readonly maxPositions: number;
  /** Parameters stored under two names: `[name used here, other name in checkpoints]`. */
  readonly tied: readonly (readonly [name: string, alias: string])[];
  /** Tensors that its checkpoints contain and it does not use, matched by name. */
  readonly ignores: readonly RegExp[];
  /** ids `[B,T]` i32 → embeddings `[B,T,D]`. */
  embed(graph: Graph, ids: Tensor): Tensor;
  /**
   * Embeddings `[B,T,D]` → hidden states `[B,T,D]`. What it appends within `graph.block()` a training step may compute
   * again instead of keeping it.
   */
  forward(graph: Graph, hidden: Tensor, options?: ForwardOptions): DecoderOutput;
  /** Hidden states `[*,D]` → logits `[*,V]`. */
  logits(graph: Graph, hidden: Tensor): Tensor;
  /** The head's weight `[V,D]`, for a loss that never keeps the logits. */
  head(graph: Graph): Tensor;
}
