/**
 * Numbers of the kernels in a command list. This file is TypeScript and AssemblyScript at once, so that both
 * sides read the same table.
 *
 * @module
 */

/** One number per kernel, then the steps that some kernels are made of. */
export enum Opcode {
  fill,
  add,
  scale,
  advance,
  slice,
  takeRow,
  prepend,
  linear,
  embedding,
  rmsNorm,
  layerNorm,
  gelu,
  swiglu,
  rope,
  cacheWrite,
  attention,
  patches,
  unfold,
  splice,
  route,
  dispatch,
  gatherRows,
  groupedLinear,
  combine,
  balanceLoss,
  crossEntropy,
  squaredError,
  meanLoss,
  sample,
  accumulate,
  sliceBackward,
  prependBackward,
  linearBackwardInput,
  linearBackwardWeight,
  embeddingBackward,
  rmsNormBackward,
  layerNormBackward,
  geluBackward,
  swigluBackward,
  ropeBackward,
  attentionBackward,
  unfoldBackward,
  spliceBackward,
  routeBackward,
  gatherRowsBackward,
  groupedLinearBackwardInput,
  groupedLinearBackwardWeight,
  combineBackward,
  balanceLossBackward,
  crossEntropyBackward,
  squaredErrorBackward,
  meanLossBackward,
  sumOfSquares,
  adamw,
  clipFactor,
  /** Panels of a weight, transposed. */
  transpose,
  /** Which rows have a target. */
  labelledRows,
  /** Those of a block. */
  gatherLabelled,
  /** Gradient of logits, in place of the logits. */
  logitsBackward,
  /** Gradients of a block's rows, to where they belong. */
  scatterLabelled,
  /** Gradient of a norm's weight, from what its rows left. */
  normWeightBackward,
  /** Adds up partial sums. */
  addPartials,
  /** Rows of a weight into panels. */
  pack,
  /** The first touch of memory that nobody has used. */
  touch,
}
