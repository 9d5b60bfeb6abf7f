/**
 * The WebGPU backend's kernel table.
 *
 * @module
 */
import { attention, rope } from "./kernels/attention.ts";
import { attentionBackward, ropeBackward } from "./kernels/attention_backward.ts";
import { add, advance, fill, gelu, scale, swiglu } from "./kernels/elementwise.ts";
import { accumulate, geluBackward, swigluBackward } from "./kernels/elementwise_backward.ts";
import { balanceLoss, combine, dispatch, route } from "./kernels/experts.ts";
import { balanceLossBackward, combineBackward, routeBackward } from "./kernels/experts_backward.ts";
import { embedding, groupedLinear, linear } from "./kernels/linear.ts";
import {
  embeddingBackward,
  groupedLinearBackwardInput,
  groupedLinearBackwardWeight,
  linearBackwardInput,
  linearBackwardWeight,
} from "./kernels/linear_backward.ts";
import { crossEntropy, meanLoss, squaredError } from "./kernels/loss.ts";
import { crossEntropyBackward, meanLossBackward, squaredErrorBackward } from "./kernels/loss_backward.ts";
import { layerNorm, rmsNorm } from "./kernels/norm.ts";
import { layerNormBackward, rmsNormBackward } from "./kernels/norm_backward.ts";
import type { Kernels, RunKernels } from "./kernel.ts";
import { adamw, clipFactor, sumOfSquares, sumsOfSquares } from "./kernels/optimiser.ts";
import { cacheWrite, gatherRows, patches, prepend, slice, splice, takeRow } from "./kernels/rows.ts";
import { gatherRowsBackward, prependBackward, sliceBackward, spliceBackward } from "./kernels/rows_backward.ts";
import { sample } from "./kernels/sample.ts";
import { unfold, unfoldBackward } from "./kernels/unfold.ts";

/** Every kernel as a function from operands to dispatches. */
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

/** Kernels of which calls in a row take less than each by itself. */
export const runKernels: RunKernels = { sumOfSquares: sumsOfSquares };
