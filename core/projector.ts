/**
 * The contract of a projector: image features into the decoder's embedding space.
 *
 * @module
 */
import type { Grid } from "./encoder.ts";
import type { Graph } from "./graph/graph.ts";
import type { Tensor } from "./graph/tensor.ts";

/** Maps features to image embeddings. */
export interface Projector {
  /** The features it takes. */
  readonly input: Grid;
  /** The embeddings it gives. */
  readonly output: Grid;
  /** Appends the projector: features `[B,N,C]` → embeddings `[B,N,D]`. */
  project(graph: Graph, features: Tensor): Tensor;
}
