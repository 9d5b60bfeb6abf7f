/**
 * Every conformance case of every kernel.
 *
 * @module
 */
import type { KernelName } from "../../core/graph/kernels.ts";
import { attentionCases } from "./attention_cases.ts";
import type { KernelCase } from "./case.ts";
import { elementwiseCases } from "./elementwise_cases.ts";
import { expertsCases } from "./experts_cases.ts";
import { linearCases } from "./linear_cases.ts";
import { lossCases } from "./loss_cases.ts";
import { normCases } from "./norm_cases.ts";
import { optimiserCases } from "./optimiser_cases.ts";
import { rowsCases } from "./rows_cases.ts";
import { sampleCases } from "./sample_cases.ts";

/** The cases, by subject. */
export const kernelCases: readonly KernelCase[] = [
  ...elementwiseCases,
  ...rowsCases,
  ...linearCases,
  ...normCases,
  ...attentionCases,
  ...expertsCases,
  ...lossCases,
  ...sampleCases,
  ...optimiserCases,
];

/** The names of the kernel table at run time; a new kernel is a type error until it stands here. */
const table: Record<KernelName, true> = {
  fill: true,
  add: true,
  scale: true,
  advance: true,
  slice: true,
  takeRow: true,
  prepend: true,
  linear: true,
  embedding: true,
  rmsNorm: true,
  layerNorm: true,
  gelu: true,
  swiglu: true,
  rope: true,
  cacheWrite: true,
  attention: true,
  patches: true,
  unfold: true,
  splice: true,
  route: true,
  dispatch: true,
  gatherRows: true,
  groupedLinear: true,
  combine: true,
  balanceLoss: true,
  crossEntropy: true,
  squaredError: true,
  meanLoss: true,
  sample: true,
  accumulate: true,
  sliceBackward: true,
  prependBackward: true,
  linearBackwardInput: true,
  linearBackwardWeight: true,
  embeddingBackward: true,
  rmsNormBackward: true,
  layerNormBackward: true,
  geluBackward: true,
  swigluBackward: true,
  ropeBackward: true,
  attentionBackward: true,
  unfoldBackward: true,
  spliceBackward: true,
  routeBackward: true,
  gatherRowsBackward: true,
  groupedLinearBackwardInput: true,
  groupedLinearBackwardWeight: true,
  combineBackward: true,
  balanceLossBackward: true,
  crossEntropyBackward: true,
  squaredErrorBackward: true,
  meanLossBackward: true,
  sumOfSquares: true,
  adamw: true,
  clipFactor: true,
};

/** All kernel names, in the table's order. */
export const kernelNames: readonly KernelName[] = Object.keys(table) as KernelName[];
