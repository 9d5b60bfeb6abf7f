/**
 * The reference backend's kernel table.
 *
 * @module
 */
import { attention, rope } from "./attention.ts";
import { attentionBackward, ropeBackward } from "./attention_backward.ts";
import { add, advance, fill, gelu, scale, swiglu } from "./elementwise.ts";
import { accumulate, geluBackward, swigluBackward } from "./elementwise_backward.ts";
import { balanceLoss, combine, dispatch, route } from "./experts.ts";
import { balanceLossBackward, combineBackward, routeBackward } from "./experts_backward.ts";
import { embedding, groupedLinear, linear } from "./linear.ts";
import {
  embeddingBackward,
  groupedLinearBackwardInput,
  groupedLinearBackwardWeight,
  linearBackwardInput,
  linearBackwardWeight,
} from "./linear_backward.ts";
import { crossEntropy, meanLoss, squaredError } from "./loss.ts";
import { crossEntropyBackward, meanLossBackward, squaredErrorBackward } from "./loss_backward.ts";
import { layerNorm, rmsNorm } from "./norm.ts";
import { layerNormBackward, rmsNormBackward } from "./norm_backward.ts";
import type { Kernels } from "./operands.ts";
import { adamw, clipFactor, sumOfSquares } from "./optimiser.ts";
import { cacheWrite, gatherRows, patches, prepend, slice, splice, takeRow } from "./rows.ts";
import { gatherRowsBackward, prependBackward, sliceBackward, spliceBackward } from "./rows_backward.ts";
import { sample } from "./sample.ts";
import { unfold, unfoldBackward } from "./unfold.ts";

/** Every kernel as a function on views. */
export const kernels: Kernels = {
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
};
