/**
 * The graph builder: model code calls its methods, it checks shapes and records kernel calls.
 *
 * @module
 */
import { ShapeError } from "../errors.ts";
import { appendBackward, type BackwardOptions } from "./derivatives.ts";
import type { Call, GeluKind, KernelName, KernelTable, Windows } from "./kernels.ts";
import { match } from "./match.ts";
import type { Block } from "./recompute.ts";
import { type DType, elementCount, formatShape, sameShape, type Tensor } from "./tensor.ts";

/** Options of {@link Graph.attention}. */
export interface AttentionOptions {
  /** Whether query t sees only keys up to start + t. */
  readonly causal: boolean;
  /** Factor on q·k. Default 1/√C. */
  readonly scale?: number | undefined;
  /** Keys before the first query of each row, `[B]` i32. Default 0. */
  readonly start?: Tensor | undefined;
  /** 0 for keys to leave out (padding), `[B,S]` i32. */
  readonly keep?: Tensor | undefined;
  /** Which row of k and v each row of q reads, `[B]` i32. Default its own. */
  readonly row?: Tensor | undefined;
  /**
   * Segment of every key, `[B,S]` i32: a query sees its own segment and the prefix of it, see {@link packedSegment}. Only
   * when causal. Default: all keys are of one.
   */
  readonly segment?: Tensor | undefined;
}

/**
 * Number of a segment where several sequences share a row: `sequence` tells them apart, any 16-bit number; `part` the
 * segments behind the beginning that those of a sequence share, from 1 to 65535, and 0 is that beginning itself.
 */
export function packedSegment(sequence: number, part: number): number {
  return sequence * 2 ** 16 + part;
}

/** Where tokens stand: behind others, or each at a place of its own. */
export interface RopePlaces {
  /** Position of the first token of each row, `[B]` i32. Default 0. */
  readonly start?: Tensor | undefined;
  /** Position of every token, `[B,T]` i32, instead of `start`. */
  readonly position?: Tensor | undefined;
}

/** Where new keys or values go in a cache. */
export interface CachePlaces {
  /** Positions of each row that are filled already, `[B]` i32. */
  readonly start: Tensor;
  /** Row of the cache that each row has, `[B]` i32. Default its own. */
  readonly row?: Tensor | undefined;
}

/** What else becomes of a linear layer's result: x `[*,in]` and y `[*,out]` → `[*,out]`. */
export type LinearChange = (graph: Graph, x: Tensor, y: Tensor) => Tensor;

/** Builds a list of kernel calls on shaped tensors. Every method throws {@link ShapeError} on a misfit. */
export class Graph {
  /** Calls in the order they run. */
  readonly calls: Call[] = [];
  /** Named tensors: inputs, parameters, constants and states. */
  readonly named: ReadonlyMap<string, Tensor>;
  /** Parts that {@link Graph.block} has marked, in order. */
  readonly blocks: readonly Block[];
  /** Tensors a caller reads after a run, by name. */
  readonly outputs: ReadonlyMap<string, Tensor>;
  /** Values of the constants, by name. */
  readonly constants: ReadonlyMap<string, Float32Array>;
  readonly #named = new Map<string, Tensor>();
  readonly #blocks: Block[] = [];
  readonly #outputs = new Map<string, Tensor>();
  readonly #constants = new Map<string, Float32Array>();
  #changes: ReadonlyMap<string, LinearChange> = new Map();
  #count = 0;
  #inBlock = false;

  /** Creates an empty graph. */
  constructor() {
    this.named = this.#named;
    this.blocks = this.#blocks;
    this.outputs = this.#outputs;
    this.constants = this.#constants;
  }

  /** A tensor that the caller writes before a run. */
  input(name: string, dtype: DType, shape: readonly number[]): Tensor {
    return this.#name({ name, dtype, shape, role: "input", layout: "rows" });
  }

  /** A weight in C order: norms, biases, position embeddings. Asking twice gives the same tensor. */
  parameter(name: string, shape: readonly number[]): Tensor {
    return this.#name({ name, dtype: "f32", shape, role: "parameter", layout: "rows" });
  }

  /** A linear layer's or embedding's weight `[out, …in]`. Asking twice gives the same tensor. */
  matrix(name: string, shape: readonly number[], dtype: DType = "f32"): Tensor {
    return this.#name({ name, dtype, shape, role: "parameter", layout: "matrix" });
  }

  /** A table whose values are known when the graph is built. */
  constant(name: string, values: Float32Array, shape: readonly number[]): Tensor {
    if (values.length !== elementCount(shape)) {
      throw new ShapeError(`Cannot add constant "${name}": ${values.length} values for ${formatShape(shape)}`);
    }
    this.#constants.set(name, values);
    return this.#name({ name, dtype: "f32", shape, role: "constant", layout: "rows" });
  }

  /** Memory that outlives a run and that kernels change: KV cache, position, generator state. */
  state(name: string, dtype: DType, shape: readonly number[]): Tensor {
    return this.#name({ name, dtype, shape, role: "state", layout: "rows" });
  }

  /** A state in a parameter's own shape and layout, `<kind>.<name>`: its gradient, its moments. */
  stateLike(parameter: Tensor, kind: string): Tensor {
    const { name, shape, layout } = parameter;
    return this.#name({ name: `${kind}.${name}`, dtype: "f32", shape, role: "state", layout });
  }

  /** The state that collects a parameter's gradient: `gradient.<name>`. */
  gradient(parameter: Tensor): Tensor {
    return this.stateLike(parameter, "gradient");
  }

  /**
   * Appends the calls that add d loss / d parameter to the {@link Graph.gradient} of each trainable parameter.
   *
   * @throws {ShapeError} if loss is not one number, or cannot be differentiated
   */
  backward(
    loss: Tensor,
    trainable: (parameter: Tensor) => boolean = () => true,
    options: Pick<BackwardOptions, "recompute" | "seed"> = {},
  ): void {
    appendBackward(this, loss, { ...options, trainable });
  }

  /**
   * Marks the calls that `build` appends as a block, what {@link Graph.backward} may compute again instead of keeping.
   * A block within another is part of it.
   */
  block<Result>(build: () => Result): Result {
    if (this.#inBlock) return build();
    const start = this.calls.length;
    this.#inBlock = true;
    try {
      return build();
    } finally {
      this.#inBlock = false;
      if (this.calls.length > start) this.#blocks.push({ start, end: this.calls.length });
    }
  }

  /** Lets the caller read a tensor after each run. */
  output(name: string, tensor: Tensor): void {
    if (this.#outputs.has(name)) throw new ShapeError(`Cannot add output "${name}": the name is taken`);
    this.#outputs.set(name, tensor);
  }

  /** The same memory under another shape; costs nothing at run time. */
  reshape(x: Tensor, shape: readonly number[]): Tensor {
    if (elementCount(shape) !== elementCount(x.shape) || x.layout !== "rows") {
      throw new ShapeError(`Cannot reshape "${x.name}": ${formatShape(x.shape)} does not fit ${formatShape(shape)}`);
    }
    return { ...x, id: this.#count++, shape: [...shape], base: x.base };
  }

  /** y = value everywhere. */
  fill(shape: readonly number[], value: number): Tensor {
    return this.append("fill", {}, { y: this.#temporary("fill.y", shape) }, { value }).y;
  }

  /** a + b; b has a's shape or a suffix of it, and then repeats. */
  add(a: Tensor, b: Tensor): Tensor {
    match("add", { a: [a, "f32 [*]"], b: [b, "f32 [" + b.shape.join(", ") + "]"] });
    if (!sameShape(a.shape.slice(a.shape.length - b.shape.length), b.shape)) {
      throw new ShapeError(
        `Cannot add "add": b "${b.name}" is ${formatShape(b.shape)}, expected ${
          formatShape(a.shape)
        } or a suffix of it`,
      );
    }
    return this.append("add", { a, b }, { y: this.#like("add.y", a) }, {}).y;
  }

  /** factor · x. */
  scale(x: Tensor, factor: number): Tensor {
    match("scale", { x: [x, "f32 [*]"] });
    return this.append("scale", { x }, { y: this.#like("scale.y", x) }, { factor }).y;
  }

  /** counter `[B]` i32 += by; returns nothing, the state itself moves. */
  advance(counter: Tensor, by: number): void {
    match("advance", { counter: [counter, "i32 [B]"] });
    this.append("advance", {}, { counter }, { by });
  }

  /** Rows start … start + length of x `[B,N,D]`. */
  slice(x: Tensor, start: number, length: number): Tensor {
    const { B, N, D } = match("slice", { x: [x, "f32 [B, N, D]"] });
    if (start < 0 || length < 1 || start + length > N!) {
      throw new ShapeError(`Cannot add "slice": rows ${start} to ${start + length} of "${x.name}", which has ${N}`);
    }
    return this.append("slice", { x }, { y: this.#temporary("slice.y", [B!, length, D!]) }, { start }).y;
  }

  /** Row index[b] of each x[b]: `[B,T,D]` → `[B,D]`. */
  takeRow(x: Tensor, index: Tensor): Tensor {
    const { B, D } = match("takeRow", { x: [x, "f32 [B, T, D]"], index: [index, "i32 [B]"] });
    return this.append("takeRow", { x, index }, { y: this.#temporary("takeRow.y", [B!, D!]) }, {}).y;
  }

  /** A row `[D]` in front of each x[b]: `[B,N,D]` → `[B,N+1,D]`. */
  prepend(x: Tensor, row: Tensor): Tensor {
    const { B, N, D } = match("prepend", { x: [x, "f32 [B, N, D]"], row: [row, "f32 [D]"] });
    return this.append("prepend", { x, row }, { y: this.#temporary("prepend.y", [B!, N! + 1, D!]) }, {}).y;
  }

  /** From now on {@link Graph.linear} hands its result on where its weight has one of these names. */
  adapt(changes: ReadonlyMap<string, LinearChange>): void {
    this.#changes = changes;
  }

  /** x · weightᵀ + bias: `[*,in]` → `[*,out]`; a weight of rank above two counts as `[out, product]`. */
  linear(x: Tensor, weight: Tensor, bias?: Tensor): Tensor {
    const [out] = matrixExtents("linear", weight, x.shape.at(-1)!);
    match("linear", { x: [x, "f32 [*, in]"], bias: [bias, `f32 [${out}]`] });
    const { y } = this.append("linear", { x, weight, bias }, {
      y: this.#temporary("linear.y", [...x.shape.slice(0, -1), out]),
    }, {});
    return this.#changes.get(weight.name)?.(this, x, y) ?? y;
  }

  /** Rows of weight `[V,D]` named by ids `[B,T]` i32: `[B,T,D]`. */
  embedding(ids: Tensor, weight: Tensor): Tensor {
    const { B, T, D } = match("embedding", { ids: [ids, "i32 [B, T]"], weight: [weight, "matrix [V, D]"] });
    return this.append("embedding", { ids, weight }, { y: this.#temporary("embedding.y", [B!, T!, D!]) }, {}).y;
  }

  /** RMSNorm over the last dimension (Zhang and Sennrich 2019). */
  rmsNorm(x: Tensor, weight: Tensor, eps: number): Tensor {
    match("rmsNorm", { x: [x, "f32 [*, D]"], weight: [weight, "f32 [D]"] });
    return this.append("rmsNorm", { x, weight }, { y: this.#like("rmsNorm.y", x) }, { eps }).y;
  }

  /** LayerNorm over the last dimension (Ba et al. 2016). */
  layerNorm(x: Tensor, weight: Tensor, bias: Tensor, eps: number): Tensor {
    match("layerNorm", { x: [x, "f32 [*, D]"], weight: [weight, "f32 [D]"], bias: [bias, "f32 [D]"] });
    return this.append("layerNorm", { x, weight, bias }, { y: this.#like("layerNorm.y", x) }, { eps }).y;
  }

  /** GELU in one of its three flavours. */
  gelu(x: Tensor, kind: GeluKind): Tensor {
    match("gelu", { x: [x, "f32 [*]"] });
    return this.append("gelu", { x }, { y: this.#like("gelu.y", x) }, { kind }).y;
  }

  /** silu(gate) · up (Shazeer 2020). */
  swiglu(gate: Tensor, up: Tensor): Tensor {
    match("swiglu", { gate: [gate, "f32 [*, F]"], up: [up, "f32 [*, F]"] });
    return this.append("swiglu", { gate, up }, { y: this.#like("swiglu.y", gate) }, {}).y;
  }

  /** Rotary position embedding, halves convention; cos, sin `[positions, C/2]`. */
  rope(x: Tensor, cos: Tensor, sin: Tensor, { start, position }: RopePlaces = {}): Tensor {
    const half = x.shape.at(-1)! / 2;
    match("rope", {
      x: [x, "f32 [B, T, H, C]"],
      cos: [cos, `f32 [P, ${half}]`],
      sin: [sin, `f32 [P, ${half}]`],
      start: [start, "i32 [B]"],
      position: [position, "i32 [B, T]"],
    });
    if (start !== undefined && position !== undefined) {
      throw new ShapeError('Cannot add "rope": tokens have a position each or a start, not both');
    }
    if (start === undefined && position === undefined && x.shape[1]! > cos.shape[0]!) {
      throw new ShapeError(`Cannot add "rope": ${x.shape[1]} tokens, but the table has ${cos.shape[0]} positions`);
    }
    return this.append("rope", { x, cos, sin, start, position }, { y: this.#like("rope.y", x) }, {}).y;
  }

  /** Writes x `[B,T,G,C]` into cache `[R,S,G,C]` from position start[b] of row row[b], by default b, on. */
  cacheWrite(cache: Tensor, x: Tensor, { start, row }: CachePlaces): void {
    match("cacheWrite", {
      x: [x, "f32 [B, T, G, C]"],
      start: [start, "i32 [B]"],
      row: [row, "i32 [B]"],
      cache: [cache, `f32 [${row === undefined ? "B" : "R"}, S, G, C]`],
    });
    this.append("cacheWrite", { x, start, row }, { cache }, {});
  }

  /** Grouped-query attention: q `[B,T,H,C]`, k and v `[R,S,G,C]` → `[B,T,H,C]`. */
  attention(q: Tensor, k: Tensor, v: Tensor, options: AttentionOptions): Tensor {
    const { causal, start, keep, row, segment } = options;
    const keys = `f32 [${row === undefined ? "B" : "R"}, S, G, C]`;
    const { T, S, H, G, C } = match("attention", {
      q: [q, "f32 [B, T, H, C]"],
      k: [k, keys],
      v: [v, keys],
      start: [start, "i32 [B]"],
      keep: [keep, "i32 [B, S]"],
      row: [row, "i32 [B]"],
      segment: [segment, "i32 [B, S]"],
    });
    if (segment !== undefined && !causal) {
      throw new ShapeError('Cannot add "attention": only causal queries have segments');
    }
    if (H! % G! !== 0) throw new ShapeError(`Cannot add "attention": ${H} heads do not share ${G} key heads evenly`);
    if (causal && start === undefined && T! > S!) {
      throw new ShapeError(`Cannot add "attention": ${T} causal queries over ${S} keys without a start`);
    }
    const scale = options.scale ?? 1 / Math.sqrt(C!);
    const y = this.#like("attention.y", q);
    return this.append("attention", { q, k, v, start, keep, row, segment }, { y }, { causal, scale }).y;
  }

  /** Square patches of pixels `[B,3,S,S]` as rows `[B,N,3·P·P]`, ready for a linear patch embedding. */
  patches(pixels: Tensor, patch: number): Tensor {
    const { B, c, S } = match("patches", { pixels: [pixels, "f32 [B, c, S, S]"] });
    if (S! % patch !== 0) throw new ShapeError(`Cannot add "patches": ${S} pixels do not divide into ${patch}`);
    const shape = [B!, (S! / patch) ** 2, c! * patch * patch];
    return this.append("patches", { pixels }, { y: this.#temporary("patches.y", shape) }, { patch }).y;
  }

  /**
   * The windows of a convolution over x `[B,H,W,C]` as rows `[B,OH,OW,K·K·C]`, ready for a linear layer, with
   * OH = ⌊(H + 2·padding − K) / stride⌋ + 1.
   */
  unfold(x: Tensor, { window, stride, padding }: Windows): Tensor {
    const { B, H, W, C } = match("unfold", { x: [x, "f32 [B, H, W, C]"] });
    const places = (extent: number) => Math.floor((extent + 2 * padding - window) / stride) + 1;
    const fits = [window, stride, padding].every(Number.isInteger) && stride >= 1 && padding >= 0 && padding < window;
    if (!fits || places(H!) < 1 || places(W!) < 1) {
      throw new ShapeError(
        `Cannot add "unfold": no windows of ${window}, ${stride} apart, in ${H}×${W} pixels with ${padding} around`,
      );
    }
    const y = this.#temporary("unfold.y", [B!, places(H!), places(W!), window * window * C!]);
    return this.append("unfold", { x }, { y }, { window, stride, padding }).y;
  }

  /** hidden `[B,T,D]` with rows replaced by features `[M,D]` where index `[B,T]` i32 is ≥ 0. */
  splice(hidden: Tensor, features: Tensor, index: Tensor): Tensor {
    match("splice", {
      hidden: [hidden, "f32 [B, T, D]"],
      features: [features, "f32 [M, D]"],
      index: [index, "i32 [B, T]"],
    });
    return this.append("splice", { hidden, features, index }, { y: this.#like("splice.y", hidden) }, {}).y;
  }

  /** Softmax router: the k best experts of logits `[M,E]` and their weights. */
  route(
    logits: Tensor,
    options: { k: number; normalise: boolean },
  ): KernelTable["route"]["outputs"] {
    const { M, E } = match("route", { logits: [logits, "f32 [M, E]"] });
    const { k, normalise } = options;
    if (k < 1 || k > E!) throw new ShapeError(`Cannot add "route": ${k} of ${E} experts`);
    return this.append("route", { logits }, {
      scores: this.#temporary("route.scores", [M!, E!]),
      weight: this.#temporary("route.weight", [M!, k]),
      expert: this.#temporary("route.expert", [M!, k], "i32"),
    }, { normalise });
  }

  /** Sorts choices expert `[M,k]` of E experts: order `[M·k]`, offsets `[E+1]`. */
  dispatch(expert: Tensor, experts: number): KernelTable["dispatch"]["outputs"] {
    const { M, k } = match("dispatch", { expert: [expert, "i32 [M, k]"] });
    return this.append("dispatch", { expert }, {
      order: this.#temporary("dispatch.order", [M! * k!], "i32"),
      offsets: this.#temporary("dispatch.offsets", [experts + 1], "i32"),
    }, {});
  }

  /** The token rows of x `[M,D]` in dispatched order `[R]`: `[R,D]`. */
  gatherRows(x: Tensor, order: Tensor): Tensor {
    const { M, D, R } = match("gatherRows", { x: [x, "f32 [M, D]"], order: [order, "i32 [R]"] });
    if (R! % M! !== 0) throw new ShapeError(`Cannot add "gatherRows": ${R} choices for ${M} rows`);
    return this.append("gatherRows", { x, order }, { y: this.#temporary("gatherRows.y", [R!, D!]) }, {}).y;
  }

  /** Each expert's weight on its own rows of x `[R,in]`: `[R,out]`. */
  groupedLinear(x: Tensor, offsets: Tensor, weights: readonly Tensor[]): Tensor {
    match("groupedLinear", { x: [x, "f32 [R, in]"], offsets: [offsets, `i32 [${weights.length + 1}]`] });
    const extents = weights.map((weight) => matrixExtents("groupedLinear", weight, x.shape[1]!));
    const out = extents[0]![0];
    const odd = extents.findIndex(([rows]) => rows !== out);
    if (odd >= 0) {
      throw new ShapeError(`Cannot add "groupedLinear": expert ${odd} has ${extents[odd]![0]} rows, expert 0 ${out}`);
    }
    const y = this.#temporary("groupedLinear.y", [x.shape[0]!, out]);
    return this.append("groupedLinear", { x, offsets, weights }, { y }, {}).y;
  }

  /** Weighted sum of each token's k expert rows: x `[R,D]`, weight `[M,k]` → `[M,D]`. */
  combine(x: Tensor, order: Tensor, weight: Tensor): Tensor {
    const { D, M } = match("combine", {
      weight: [weight, "f32 [M, k]"],
      x: [x, `f32 [${elementCount(weight.shape)}, D]`],
      order: [order, `i32 [${elementCount(weight.shape)}]`],
    });
    return this.append("combine", { x, order, weight }, { y: this.#temporary("combine.y", [M!, D!]) }, {}).y;
  }

  /** Load-balancing loss of a router, one number; see the kernel table for the formula. */
  balanceLoss(scores: Tensor, expert: Tensor, options: { factor: number; perRow: boolean }): Tensor {
    match("balanceLoss", { scores: [scores, "f32 [B, T, E]"], expert: [expert, "i32 [B, T, k]"] });
    return this.append("balanceLoss", { scores, expert }, { y: this.#temporary("balanceLoss.y", [1]) }, options).y;
  }

  /** Loss of each row `[M]` against target `[M]` i32, head included, without keeping logits; 0 where target < 0. */
  crossEntropy(hidden: Tensor, weight: Tensor, target: Tensor): Tensor {
    const { M } = match("crossEntropy", {
      hidden: [hidden, "f32 [M, D]"],
      weight: [weight, "matrix [V, D]"],
      target: [target, "i32 [M]"],
    });
    const loss = this.#temporary("crossEntropy.loss", [M!]);
    return this.append("crossEntropy", { hidden, weight, target }, { loss }, {}).loss;
  }

  /** Mean squared error of each row of a against b, both `[*,D]`: `[M]`. */
  squaredError(a: Tensor, b: Tensor): Tensor {
    const { "*": M } = match("squaredError", { a: [a, "f32 [*, D]"], b: [b, "f32 [*, D]"] });
    return this.append("squaredError", { a, b }, { loss: this.#temporary("squaredError.loss", [M!]) }, {}).loss;
  }

  /** Mean of loss `[M]` over the rows whose target is ≥ 0, one number. */
  meanLoss(loss: Tensor, target: Tensor): Tensor {
    match("meanLoss", { loss: [loss, "f32 [M]"], target: [target, "i32 [M]"] });
    return this.append("meanLoss", { loss, target }, { y: this.#temporary("meanLoss.y", [1]) }, {}).y;
  }

  /** Draws the next id of each row into `id` `[B]` i32 and returns the filtered distribution `[B,V]`. */
  sample(
    logits: Tensor,
    settings: Tensor,
    states: { id: Tensor; seen: Tensor; random: Tensor },
  ): Tensor {
    match("sample", {
      logits: [logits, "f32 [B, V]"],
      settings: [settings, "f32 [B, 5]"],
      id: [states.id, "i32 [B]"],
      seen: [states.seen, "i32 [B, V]"],
      random: [states.random, "i32 [B, 2]"],
    });
    const probabilities = this.#like("sample.probabilities", logits);
    return this.append("sample", { logits, settings }, { ...states, probabilities }, {}).probabilities;
  }

  /**
   * Appends a call whose operands are known to fit. Model code uses the methods above; derivatives and optimisers,
   * which know the shapes they make, use this.
   */
  append<Name extends KernelName>(
    kernel: Name,
    inputs: KernelTable[Name]["inputs"],
    outputs: KernelTable[Name]["outputs"],
    attributes: KernelTable[Name]["attributes"],
  ): KernelTable[Name]["outputs"] {
    this.calls.push({ kernel, inputs, outputs, attributes } as Call);
    return outputs;
  }

  /** Memory of the arena with the shape and type of another tensor. */
  temporaryLike({ name, shape, dtype }: Tensor): Tensor {
    return this.#temporary(name, shape, dtype);
  }

  #temporary(name: string, shape: readonly number[], dtype: DType = "f32"): Tensor {
    return this.#tensor({ name, dtype, shape, role: "temporary", layout: "rows" });
  }

  #like(name: string, x: Tensor): Tensor {
    return this.#temporary(name, x.shape, x.dtype);
  }

  #name(spec: Omit<Tensor, "id" | "base">): Tensor {
    const known = this.#named.get(spec.name);
    if (known === undefined) {
      const tensor = this.#tensor(spec);
      this.#named.set(spec.name, tensor);
      return tensor;
    }
    const same = known.role === spec.role && known.layout === spec.layout && known.dtype === spec.dtype &&
      sameShape(known.shape, spec.shape);
    if (!same) {
      throw new ShapeError(
        `Cannot add ${spec.role} "${spec.name}" ${formatShape(spec.shape)}: the name is taken by a ${known.role} ${
          formatShape(known.shape)
        }`,
      );
    }
    return known;
  }

  #tensor(spec: Omit<Tensor, "id" | "base">): Tensor {
    const bad = spec.shape.length === 0 || spec.shape.some((extent) => !Number.isInteger(extent) || extent < 1);
    if (bad) {
      throw new ShapeError(`Cannot add ${spec.role} "${spec.name}": ${formatShape(spec.shape)} is not a shape`);
    }
    const tensor = { ...spec, id: this.#count++, shape: [...spec.shape], base: undefined as unknown as Tensor };
    tensor.base = tensor;
    return tensor;
  }
}

/** `[out, in]` of a weight whose input dimensions may be several. */
function matrixExtents(kernel: string, weight: Tensor, width: number): [out: number, width: number] {
  const [out, ...inputs] = weight.shape;
  const count = elementCount(inputs);
  if (weight.layout !== "matrix" || inputs.length === 0 || count !== width) {
    throw new ShapeError(
      `Cannot add "${kernel}": weight "${weight.name}" is ${weight.layout} ${
        formatShape(weight.shape)
      }, expected a matrix [out, …in] with in = ${width}`,
    );
  }
  return [out!, count];
}
