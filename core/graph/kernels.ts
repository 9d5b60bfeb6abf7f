/**
 * The closed kernel table: all that a backend must be able to compute.
 *
 * A backend is a record with one entry per name, so a missing kernel is a type error. Kernels trust their
 * operands: `shapes.ts` has checked them. Forward kernels overwrite their outputs; backward kernels add to
 * them. A thread may own output elements but never a part of one sum, so that results do not depend on the
 * number of threads.
 *
 * Letters: B batch, T new tokens, S cached + new tokens, D width, H heads, G key/value heads, C head width,
 * F feed-forward width, V vocabulary, N image tokens, E experts, k experts per token, M rows (all leading
 * dimensions), R rows after dispatch (M·k).
 *
 * @module
 */
import type { Tensor } from "./tensor.ts";

/** One value a call reads or writes: a tensor, a list of them, or an absent optional one. */
export type Operand = Tensor | readonly Tensor[] | undefined;

/** GELU flavours: `quick` x·σ(1.702x) (CLIP), `tanh` (SigLIP), `erf` (PyTorch's default). */
export type GeluKind = "quick" | "tanh" | "erf";

/** Where the square windows of a convolution lie. */
export interface Windows {
  /** Edge K of a window in pixels. */
  readonly window: number;
  /** Pixels from one window to the next, both ways. */
  readonly stride: number;
  /** Zeros around the image on each side, in pixels; less than a window. */
  readonly padding: number;
}

/** Inputs, outputs and attributes of one kernel. */
export interface Signature<Inputs, Outputs, Attributes = Record<never, never>> {
  /** What it reads. */
  inputs: Inputs;
  /** What it writes. */
  outputs: Outputs;
  /** Numbers fixed when the graph is built. */
  attributes: Attributes;
}

/** Every kernel: what it reads, what it writes, and the numbers fixed when the graph is built. */
export interface KernelTable {
  /** y = value */
  fill: Signature<Record<never, never>, { y: Tensor }, { value: number }>;
  /** y = a + b; b has a's shape or a suffix of it, and then repeats. May run in place on a. */
  add: Signature<{ a: Tensor; b: Tensor }, { y: Tensor }>;
  /** y = factor · x; both may be matrices. May run in place. */
  scale: Signature<{ x: Tensor }, { y: Tensor }, { factor: number }>;
  /** counter [B] i32 += by */
  advance: Signature<Record<never, never>, { counter: Tensor }, { by: number }>;
  /** y [B,n,D] = x [B,N,D], rows start … start + n */
  slice: Signature<{ x: Tensor }, { y: Tensor }, { start: number }>;
  /** y [B,D] = row index[b] of x [B,T,D]; index [B] i32 */
  takeRow: Signature<{ x: Tensor; index: Tensor }, { y: Tensor }>;
  /** y [B,N+1,D] = row [D], then x [B,N,D] */
  prepend: Signature<{ x: Tensor; row: Tensor }, { y: Tensor }>;

  /** y [M,out] = x [M,in] · weightᵀ (+ bias [out]); weight [out,in] is a matrix */
  linear: Signature<{ x: Tensor; weight: Tensor; bias?: Tensor | undefined }, { y: Tensor }>;
  /** y [B,T,D] = rows of weight [V,D] (a matrix) named by ids [B,T] i32 */
  embedding: Signature<{ ids: Tensor; weight: Tensor }, { y: Tensor }>;
  /** y = x / √(mean(x²) + eps) · weight, over the last dimension. May run in place. */
  rmsNorm: Signature<{ x: Tensor; weight: Tensor }, { y: Tensor }, { eps: number }>;
  /** y = (x − mean) / √(variance + eps) · weight + bias, over the last dimension. May run in place. */
  layerNorm: Signature<{ x: Tensor; weight: Tensor; bias: Tensor }, { y: Tensor }, { eps: number }>;
  /** y = x · sigmoid-like gate; see {@link GeluKind}. May run in place. */
  gelu: Signature<{ x: Tensor }, { y: Tensor }, { kind: GeluKind }>;
  /** y = gate · sigmoid(gate) · up. May run in place on gate. */
  swiglu: Signature<{ gate: Tensor; up: Tensor }, { y: Tensor }>;

  /**
   * Rotary position: y [B,T,H,C], halves convention. Token t of row b stands at start[b] + t (start [B] i32,
   * 0 when absent), or at position[b,t] (position [B,T] i32) where each has its own; cos, sin [positions, C/2]. May run
   * in place.
   */
  rope: Signature<
    {
      x: Tensor;
      cos: Tensor;
      sin: Tensor;
      start?: Tensor | undefined;
      position?: Tensor | undefined;
    },
    { y: Tensor }
  >;
  /**
   * cache [R,S,G,C] positions start[b] … start[b] + T of row row[b] = x [B,T,G,C]; positions past S are dropped. Without
   * row [B] i32, R is B and row b is b's. Two b may have one row if they write the same.
   */
  cacheWrite: Signature<{ x: Tensor; start: Tensor; row?: Tensor | undefined }, { cache: Tensor }>;
  /**
   * y [B,T,H,C] = softmax(scale · q kᵀ) v with k, v [R,S,G,C], H a multiple of G; b reads row row[b] of them, or b
   * without row [B] i32, and then R is B. Causal: query t of b sees keys 0 … start[b] + t; otherwise all S.
   * keep [B,S] i32 adds −1e9 where 0, rounded to f32, so that a query with nothing to see sees everything alike.
   *
   * segment [B,S] i32, only when causal, lets several sequences share a row: a query sees the keys of its own segment,
   * which is that of the key at its place, and those of the segment with the same high half and 0 in the low half, the
   * prefix that segments of one sequence share. What no query of a block sees costs nothing.
   */
  attention: Signature<
    {
      q: Tensor;
      k: Tensor;
      v: Tensor;
      start?: Tensor | undefined;
      keep?: Tensor | undefined;
      row?: Tensor | undefined;
      segment?: Tensor | undefined;
    },
    { y: Tensor },
    { causal: boolean; scale: number }
  >;

  /** y [B,N,3·P·P] = the patches of pixels [B,3,S,S], row by row, each channel by channel */
  patches: Signature<{ pixels: Tensor }, { y: Tensor }, { patch: number }>;
  /**
   * y [B,OH,OW,K·K·C] = the K×K windows of x [B,H,W,C], `stride` pixels apart, each row by row with a pixel's channels
   * together; zeros where a window reaches into the `padding` around x. A linear layer on them is a convolution.
   */
  unfold: Signature<{ x: Tensor }, { y: Tensor }, Windows>;
  /** y [B,T,D] = row index[b,t] of features [M,D] where index ≥ 0, else hidden */
  splice: Signature<{ hidden: Tensor; features: Tensor; index: Tensor }, { y: Tensor }>;

  /**
   * scores [M,E] = softmax(logits); expert, weight [M,k] = those of the k largest logits, divided by their sum + 1e-20 when
   * `normalise`. The lower index wins a tie.
   */
  route: Signature<
    { logits: Tensor },
    { scores: Tensor; weight: Tensor; expert: Tensor },
    { normalise: boolean }
  >;
  /** Sorts the R = M·k choices by expert: order [R] i32 (choice at each place), offsets [E+1] i32 */
  dispatch: Signature<{ expert: Tensor }, { order: Tensor; offsets: Tensor }>;
  /** y [R,D]: row order[r] / k of x [M,D] */
  gatherRows: Signature<{ x: Tensor; order: Tensor }, { y: Tensor }>;
  /** y [R,out]: rows offsets[e] … offsets[e+1] of x [R,in] through weights[e] [out,in] */
  groupedLinear: Signature<{ x: Tensor; offsets: Tensor; weights: readonly Tensor[] }, { y: Tensor }>;
  /** y [M,D] = Σ over the k choices of weight · the choice's row of x [R,D] */
  combine: Signature<{ x: Tensor; order: Tensor; weight: Tensor }, { y: Tensor }>;
  /**
   * Load balance: y [1] = factor · mean over groups of Σₑ (choices of e / tokens) · mean score of e, with
   * scores [B,T,E], expert [B,T,k]; a group is a row when `perRow`, else the whole batch.
   */
  balanceLoss: Signature<{ scores: Tensor; expert: Tensor }, { y: Tensor }, { factor: number; perRow: boolean }>;

  /** loss [M] = −log softmax(hidden · weightᵀ)[target] and 0 where target [M] i32 is negative */
  crossEntropy: Signature<{ hidden: Tensor; weight: Tensor; target: Tensor }, { loss: Tensor }>;
  /** loss [M] = mean over D of (a − b)², a and b [M,D] */
  squaredError: Signature<{ a: Tensor; b: Tensor }, { loss: Tensor }>;
  /** y [1] = sum of loss [M] / number of targets ≥ 0 (0 when there is none) */
  meanLoss: Signature<{ loss: Tensor; target: Tensor }, { y: Tensor }>;
  /**
   * Draws id [B] i32 from logits [B,V]; see `core/sampling.ts` for settings [B,5] and random [B,2] i32.
   * `probabilities` [B,V] is the distribution after all filters. `seen` [B,V] i32 (bit 0: in the prompt;
   * rest: times generated) and the counter in `random` advance.
   */
  sample: Signature<
    { logits: Tensor; settings: Tensor },
    { id: Tensor; probabilities: Tensor; seen: Tensor; random: Tensor }
  >;

  // Backward. Every output is added to; an absent optional output is not wanted and not computed.

  /** y += factor · x, summed over x's leading dimensions when y has a suffix of its shape */
  accumulate: Signature<{ x: Tensor }, { y: Tensor }, { factor: number }>;
  /** dx [B,N,D], rows start … += dy [B,n,D] */
  sliceBackward: Signature<{ dy: Tensor }, { dx: Tensor }, { start: number }>;
  /** dx [B,N,D], drow [D] += the rows of dy [B,N+1,D], the first one of each b to drow */
  prependBackward: Signature<{ dy: Tensor }, { dx?: Tensor | undefined; drow?: Tensor | undefined }>;
  /** dx [M,in] += dy [M,out] · weight */
  linearBackwardInput: Signature<{ dy: Tensor; weight: Tensor }, { dx: Tensor }>;
  /** dweight [out,in] (a matrix) += dyᵀ · x */
  linearBackwardWeight: Signature<{ x: Tensor; dy: Tensor }, { dweight: Tensor }>;
  /** dweight [V,D] (a matrix), rows ids += dy [B,T,D] */
  embeddingBackward: Signature<{ ids: Tensor; dy: Tensor }, { dweight: Tensor }>;
  /** Gradients of rmsNorm, from its input x */
  rmsNormBackward: Signature<
    { x: Tensor; weight: Tensor; dy: Tensor },
    { dx?: Tensor | undefined; dweight?: Tensor | undefined },
    { eps: number }
  >;
  /** Gradients of layerNorm, from its input x */
  layerNormBackward: Signature<
    { x: Tensor; weight: Tensor; dy: Tensor },
    { dx?: Tensor | undefined; dweight?: Tensor | undefined; dbias?: Tensor | undefined },
    { eps: number }
  >;
  /** dx += gelu′(x) · dy */
  geluBackward: Signature<{ x: Tensor; dy: Tensor }, { dx: Tensor }, { kind: GeluKind }>;
  /** dgate += up · silu′(gate) · dy, dup += silu(gate) · dy */
  swigluBackward: Signature<{ gate: Tensor; up: Tensor; dy: Tensor }, { dgate: Tensor; dup: Tensor }>;
  /** dx += dy rotated back */
  ropeBackward: Signature<
    { dy: Tensor; cos: Tensor; sin: Tensor; start?: Tensor | undefined; position?: Tensor | undefined },
    { dx: Tensor }
  >;
  /** Gradients of attention without a cache (no start, no row); the probabilities are computed again, a few rows at a time */
  attentionBackward: Signature<
    {
      q: Tensor;
      k: Tensor;
      v: Tensor;
      keep?: Tensor | undefined;
      segment?: Tensor | undefined;
      y: Tensor;
      dy: Tensor;
    },
    { dq: Tensor; dk: Tensor; dv: Tensor },
    { causal: boolean; scale: number }
  >;
  /** dx [B,H,W,C] += dy [B,OH,OW,K·K·C], every window at its place; what lies in the padding is dropped */
  unfoldBackward: Signature<{ dy: Tensor }, { dx: Tensor }, Windows>;
  /** dhidden += dy where index < 0; dfeatures [M,D], rows index += dy elsewhere */
  spliceBackward: Signature<
    { index: Tensor; dy: Tensor },
    { dhidden?: Tensor | undefined; dfeatures?: Tensor | undefined }
  >;
  /** dlogits [M,E] from the gradients of route's scores and (normalised) weights */
  routeBackward: Signature<
    {
      scores: Tensor;
      weight: Tensor;
      expert: Tensor;
      dscores?: Tensor | undefined;
      dweight?: Tensor | undefined;
    },
    { dlogits: Tensor },
    { normalise: boolean }
  >;
  /** dx [M,D], rows order[r] / k += dy [R,D] */
  gatherRowsBackward: Signature<{ order: Tensor; dy: Tensor }, { dx: Tensor }>;
  /** dx [R,in] += dy [R,out] through each row's expert */
  groupedLinearBackwardInput: Signature<
    { dy: Tensor; offsets: Tensor; weights: readonly Tensor[] },
    { dx: Tensor }
  >;
  /** dweights[e] [out,in] += dyᵀ · x over the rows of expert e */
  groupedLinearBackwardWeight: Signature<
    { x: Tensor; dy: Tensor; offsets: Tensor },
    { dweights: readonly Tensor[] }
  >;
  /** dx [R,D] += weight · dy of the row's token; dweight [M,k] += x · dy */
  combineBackward: Signature<
    { x: Tensor; order: Tensor; weight: Tensor; dy: Tensor },
    { dx?: Tensor | undefined; dweight?: Tensor | undefined }
  >;
  /** dscores [B,T,E] += factor · dy · choices of e / tokens² / groups */
  balanceLossBackward: Signature<
    { expert: Tensor; dy: Tensor },
    { dscores: Tensor },
    { factor: number; perRow: boolean }
  >;
  /** dhidden [M,D], dweight [V,D] += through dlogits = (softmax(logits) − one at target) · dloss, 0 where target < 0 */
  crossEntropyBackward: Signature<
    { hidden: Tensor; weight: Tensor; target: Tensor; dloss: Tensor },
    { dhidden?: Tensor | undefined; dweight?: Tensor | undefined }
  >;
  /** da [M,D] += 2 · (a − b) / D · dloss [M]; db −= the same */
  squaredErrorBackward: Signature<
    { a: Tensor; b: Tensor; dloss: Tensor },
    { da?: Tensor | undefined; db?: Tensor | undefined }
  >;
  /** dloss [M] += dy / number of targets ≥ 0, where target ≥ 0 */
  meanLossBackward: Signature<{ target: Tensor; dy: Tensor }, { dloss: Tensor }>;

  // Optimiser.

  /** y [1] += Σ x² */
  sumOfSquares: Signature<{ x: Tensor }, { y: Tensor }>;
  /**
   * AdamW (Loshchilov and Hutter 2019) with PyTorch's order of operations: gradient · clip[0], decoupled decay, first
   * and second moment, step. settings [6] f32: learning rate, beta1, beta2, eps, weight decay, step from 1 on. A
   * clip[0] that is not finite leaves everything as it is.
   */
  adamw: Signature<
    { gradient: Tensor; clip: Tensor; settings: Tensor },
    { parameter: Tensor; mean: Tensor; variance: Tensor }
  >;
  /**
   * The factor of the global norm for gradients that were scaled by scale [1], 1 without it: clip [1] =
   * min(1, limit[0] / (√squares[0] / scale[0] + 1e-6)) / scale[0], not finite when squares is not.
   */
  clipFactor: Signature<{ squares: Tensor; limit: Tensor; scale?: Tensor | undefined }, { clip: Tensor }>;
}

/** Name of a kernel. */
export type KernelName = keyof KernelTable;

/** One call of one kernel, as a graph records it. */
export type Call<Name extends KernelName = KernelName> = {
  [K in Name]: {
    readonly kernel: K;
    readonly inputs: Readonly<KernelTable[K]["inputs"]>;
    readonly outputs: Readonly<KernelTable[K]["outputs"]>;
    readonly attributes: Readonly<KernelTable[K]["attributes"]>;
  };
}[Name];

/** The operand that an output may overwrite, for kernels that can run in place. */
export const inPlace: { readonly [K in KernelName]?: string } = {
  add: "a",
  scale: "x",
  rmsNorm: "x",
  layerNorm: "x",
  gelu: "x",
  swiglu: "gate",
  rope: "x",
};

/** The same call with other tensors. */
export function mapOperands(call: Call, map: (tensor: Tensor) => Tensor): Call {
  const each = (operand: Operand) => operand && ("id" in operand ? map(operand) : operand.map(map));
  const all = (operands: Call["inputs"] | Call["outputs"]) =>
    Object.fromEntries(Object.entries(operands).map(([name, operand]) => [name, each(operand as Operand)]));
  return { ...call, inputs: all(call.inputs), outputs: all(call.outputs) } as Call;
}

/** The tensors among a call's inputs or outputs, lists flattened and absent ones left out. */
export function tensorsOf(operands: Call["inputs"] | Call["outputs"]): Tensor[] {
  return (Object.values(operands) as Operand[]).flatMap((operand) => operand ?? []);
}
