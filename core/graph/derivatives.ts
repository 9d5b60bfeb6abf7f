/**
 * Reverse-mode differentiation: one rule per kernel, appended to the graph as calls of backward kernels.
 *
 * @module
 */
import { ShapeError } from "../errors.ts";
import type { Graph } from "./graph.ts";
import { type Call, type KernelName, tensorsOf } from "./kernels.ts";
import { recompute } from "./recompute.ts";
import { elementCount, formatShape, type Tensor } from "./tensor.ts";

/** Gradients while calls are visited from the last to the first. */
class Gradients {
  readonly graph: Graph;
  readonly #wanted: ReadonlySet<number>;
  readonly #known = new Map<number, Tensor>();

  constructor(graph: Graph, wanted: ReadonlySet<number>) {
    this.graph = graph;
    this.#wanted = wanted;
  }

  /** Gradient of an output, complete by now; undefined if nothing depends on it. */
  of(output: Tensor): Tensor | undefined {
    const gradient = this.#known.get(output.base.id);
    return gradient && this.#shaped(gradient, output);
  }

  /** Where to add an input's gradient; undefined if nobody wants it. */
  to(input: Tensor): Tensor | undefined {
    const { base } = input;
    if (!this.#wanted.has(base.id)) return undefined;
    let gradient = this.#known.get(base.id);
    if (gradient === undefined) {
      gradient = base.role === "parameter" ? this.graph.gradient(base) : this.graph.fill(base.shape, 0);
      this.#known.set(base.id, gradient);
    }
    return this.#shaped(gradient, input);
  }

  /**
   * Appends a call of a kernel that cannot leave a gradient out, each into memory of its own: what nobody wants goes to
   * waste, and a second one of the same tensor is added afterwards.
   */
  toAll(inputs: readonly Tensor[], append: (targets: readonly Tensor[]) => void): void {
    const repeats = (input: Tensor, i: number) => inputs.findIndex(({ base }) => base === input.base) < i;
    const targets = inputs.map((input, i) => {
      return repeats(input, i) ? this.graph.fill(input.shape, 0) : this.to(input) ?? this.graph.fill(input.shape, 0);
    });
    append(targets);
    for (const [i, input] of inputs.entries()) if (repeats(input, i)) this.add(input, targets[i]!);
  }

  /** Adds an output's gradient to an input's. Where the input has none yet the memory itself is handed on. */
  pass(input: Tensor, gradient: Tensor, factor = 1): void {
    const { base } = input;
    const fresh = this.#wanted.has(base.id) && base.role !== "parameter" && !this.#known.has(base.id);
    if (fresh && factor === 1 && elementCount(base.shape) === elementCount(gradient.shape)) {
      this.#known.set(base.id, gradient);
    } else this.add(input, gradient, factor);
  }

  /** Adds factor · gradient to an input's, summed over leading dimensions that the input lacks. */
  add(input: Tensor, gradient: Tensor, factor = 1): void {
    const y = this.to(input);
    if (y !== undefined) this.graph.append("accumulate", { x: gradient }, { y }, { factor });
  }

  #shaped(gradient: Tensor, like: Tensor): Tensor {
    if (like.layout === "matrix") return gradient;
    return String(gradient.shape) === String(like.shape) ? gradient : this.graph.reshape(gradient, like.shape);
  }
}

type Rules = { readonly [K in KernelName]?: (call: Call<K>, d: Gradients) => void };

/** How each kernel passes gradients on. Kernels without a rule have none: ids, counters, caches, samples. */
const rules: Rules = {
  add({ inputs: { a, b }, outputs: { y } }, d) {
    const dy = d.of(y)!;
    d.add(b, dy);
    d.pass(a, dy);
  },
  scale({ inputs: { x }, outputs: { y }, attributes: { factor } }, d) {
    d.pass(x, d.of(y)!, factor);
  },
  slice({ inputs: { x }, outputs: { y }, attributes }, d) {
    const dx = d.to(x);
    if (dx !== undefined) d.graph.append("sliceBackward", { dy: d.of(y)! }, { dx }, attributes);
  },
  prepend({ inputs: { x, row }, outputs: { y } }, d) {
    d.graph.append("prependBackward", { dy: d.of(y)! }, { dx: d.to(x), drow: d.to(row) }, {});
  },
  linear({ inputs: { x, weight, bias }, outputs: { y } }, d) {
    const dy = d.of(y)!;
    if (bias !== undefined) d.add(bias, dy);
    const dweight = d.to(weight);
    if (dweight !== undefined) d.graph.append("linearBackwardWeight", { x, dy }, { dweight }, {});
    const dx = d.to(x);
    if (dx !== undefined) d.graph.append("linearBackwardInput", { dy, weight }, { dx }, {});
  },
  embedding({ inputs: { ids, weight }, outputs: { y } }, d) {
    const dweight = d.to(weight);
    if (dweight !== undefined) d.graph.append("embeddingBackward", { ids, dy: d.of(y)! }, { dweight }, {});
  },
  rmsNorm({ inputs: { x, weight }, outputs: { y }, attributes }, d) {
    const outputs = { dx: d.to(x), dweight: d.to(weight) };
    d.graph.append("rmsNormBackward", { x, weight, dy: d.of(y)! }, outputs, attributes);
  },
  layerNorm({ inputs: { x, weight, bias }, outputs: { y }, attributes }, d) {
    const outputs = { dx: d.to(x), dweight: d.to(weight), dbias: d.to(bias) };
    d.graph.append("layerNormBackward", { x, weight, dy: d.of(y)! }, outputs, attributes);
  },
  gelu({ inputs: { x }, outputs: { y }, attributes }, d) {
    const dx = d.to(x);
    if (dx !== undefined) d.graph.append("geluBackward", { x, dy: d.of(y)! }, { dx }, attributes);
  },
  swiglu({ inputs: { gate, up }, outputs: { y } }, d) {
    d.toAll([gate, up], ([dgate, dup]) => {
      d.graph.append("swigluBackward", { gate, up, dy: d.of(y)! }, { dgate: dgate!, dup: dup! }, {});
    });
  },
  rope({ inputs: { x, ...places }, outputs: { y } }, d) {
    const dx = d.to(x);
    if (dx !== undefined) d.graph.append("ropeBackward", { dy: d.of(y)!, ...places }, { dx }, {});
  },
  attention({ inputs: { q, k, v, start, keep, row, segment }, outputs: { y }, attributes }, d) {
    if (start !== undefined || row !== undefined) {
      throw new ShapeError('Cannot differentiate "attention": its keys are in a cache');
    }
    d.toAll([q, k, v], ([dq, dk, dv]) => {
      const outputs = { dq: dq!, dk: dk!, dv: dv! };
      d.graph.append("attentionBackward", { q, k, v, keep, segment, y, dy: d.of(y)! }, outputs, attributes);
    });
  },
  unfold({ inputs: { x }, outputs: { y }, attributes }, d) {
    const dx = d.to(x);
    if (dx !== undefined) d.graph.append("unfoldBackward", { dy: d.of(y)! }, { dx }, attributes);
  },
  splice({ inputs: { hidden, features, index }, outputs: { y } }, d) {
    const outputs = { dhidden: d.to(hidden), dfeatures: d.to(features) };
    d.graph.append("spliceBackward", { index, dy: d.of(y)! }, outputs, {});
  },
  route({ inputs: { logits }, outputs: { scores, weight, expert }, attributes }, d) {
    const dlogits = d.to(logits);
    if (dlogits === undefined) return;
    const inputs = { scores, weight, expert, dscores: d.of(scores), dweight: d.of(weight) };
    d.graph.append("routeBackward", inputs, { dlogits }, attributes);
  },
  gatherRows({ inputs: { x, order }, outputs: { y } }, d) {
    const dx = d.to(x);
    if (dx !== undefined) d.graph.append("gatherRowsBackward", { order, dy: d.of(y)! }, { dx }, {});
  },
  groupedLinear({ inputs: { x, offsets, weights }, outputs: { y } }, d) {
    const dy = d.of(y)!;
    const dweights = weights.map((weight) => d.to(weight)).filter((gradient) => gradient !== undefined);
    if (dweights.length > 0 && dweights.length < weights.length) {
      throw new ShapeError('Cannot differentiate "groupedLinear": only some of its experts are trainable');
    }
    if (dweights.length > 0) d.graph.append("groupedLinearBackwardWeight", { x, dy, offsets }, { dweights }, {});
    const dx = d.to(x);
    if (dx !== undefined) d.graph.append("groupedLinearBackwardInput", { dy, offsets, weights }, { dx }, {});
  },
  combine({ inputs: { x, order, weight }, outputs: { y } }, d) {
    const outputs = { dx: d.to(x), dweight: d.to(weight) };
    d.graph.append("combineBackward", { x, order, weight, dy: d.of(y)! }, outputs, {});
  },
  balanceLoss({ inputs: { scores, expert }, outputs: { y }, attributes }, d) {
    const dscores = d.to(scores);
    if (dscores !== undefined) {
      d.graph.append("balanceLossBackward", { expert, dy: d.of(y)! }, { dscores }, attributes);
    }
  },
  crossEntropy({ inputs: { hidden, weight, target }, outputs: { loss } }, d) {
    const outputs = { dhidden: d.to(hidden), dweight: d.to(weight) };
    d.graph.append("crossEntropyBackward", { hidden, weight, target, dloss: d.of(loss)! }, outputs, {});
  },
  squaredError({ inputs: { a, b }, outputs: { loss } }, d) {
    d.graph.append("squaredErrorBackward", { a, b, dloss: d.of(loss)! }, { da: d.to(a), db: d.to(b) }, {});
  },
  meanLoss({ inputs: { loss, target }, outputs: { y } }, d) {
    const dloss = d.to(loss);
    if (dloss !== undefined) d.graph.append("meanLossBackward", { target, dy: d.of(y)! }, { dloss }, {});
  },
};

/** Inputs of a kernel that are numbers, not ids or positions, and may have a gradient. */
function differentiable(call: Call): Tensor[] {
  return tensorsOf(call.inputs).filter(({ dtype, base }) => dtype !== "i32" && base.role !== "constant");
}

/** Options of {@link appendBackward}. */
export interface BackwardOptions {
  /** Whether a parameter gets a gradient. */
  readonly trainable: (parameter: Tensor) => boolean;
  /**
   * Whether the values within blocks are computed again for the backward calls instead of being kept: memory of one
   * block instead of all, for the work of another forward pass. The gradients are the same bits. Default false.
   */
  readonly recompute?: boolean | undefined;
  /** What every gradient is multiplied by, `[1]`. Default 1. */
  readonly seed?: Tensor | undefined;
}

/**
 * Appends the calls that add d loss / d parameter to the gradient of every trainable parameter.
 *
 * Only what lies between a trainable parameter and the loss is visited: what is frozen and does not pass gradients
 * on costs nothing. The last block is never computed again, for its backward calls come right after it.
 *
 * @throws {ShapeError} if loss is not one number, does not depend on a trainable parameter, or depends on one
 * through a kernel that has no derivative
 */
export function appendBackward(graph: Graph, loss: Tensor, options: BackwardOptions): void {
  if (elementCount(loss.shape) !== 1) {
    throw new ShapeError(`Cannot differentiate "${loss.name}": it is ${formatShape(loss.shape)}, expected one number`);
  }
  const calls = [...graph.calls];
  const wanted = new Set<number>();
  for (const tensor of graph.named.values()) {
    if (tensor.role === "parameter" && options.trainable(tensor)) wanted.add(tensor.id);
  }
  for (const call of calls) {
    if (!differentiable(call).some(({ base }) => wanted.has(base.id))) continue;
    for (const { base, dtype } of tensorsOf(call.outputs)) if (dtype !== "i32") wanted.add(base.id);
  }
  if (!wanted.has(loss.base.id)) {
    throw new ShapeError(`Cannot differentiate "${loss.name}": it does not depend on a trainable parameter`);
  }
  const gradients = new Gradients(graph, wanted);
  const { seed } = options;
  // A copy of the seed, for gradients are added up in place.
  gradients.pass(
    loss,
    seed === undefined ? graph.fill(loss.shape, 1) : graph.reshape(graph.scale(seed, 1), loss.shape),
  );
  const blocks = options.recompute ? graph.blocks.slice(0, -1) : [];
  let from = graph.calls.length; // where the backward calls of a block begin
  for (let i = calls.length - 1; i >= 0; i--) {
    if (blocks.at(-1)?.end === i + 1) from = graph.calls.length;
    visit(calls[i]!, gradients, wanted);
    if (blocks.at(-1)?.start !== i) continue;
    const { start, end } = blocks.pop()!;
    recompute(graph, calls.slice(start, end), from);
  }
}

/** Appends the backward calls of one call, if a gradient reaches it and anybody wants it passed on. */
function visit(call: Call, gradients: Gradients, wanted: ReadonlySet<number>): void {
  const reached = tensorsOf(call.outputs).some((output) => gradients.of(output) !== undefined);
  const passes = differentiable(call).some(({ base }) => wanted.has(base.id));
  if (!reached || !passes) return;
  const rule = rules[call.kernel] as ((call: Call, d: Gradients) => void) | undefined;
  if (rule === undefined) throw new ShapeError(`Cannot differentiate "${call.kernel}": it has no derivative`);
  rule(call, gradients);
}
