/**
 * Graphs whose derivatives are known to exist: every kernel that has a rule, alone and together.
 *
 * @module
 */
import type { GeluKind } from "../../core/graph/kernels.ts";
import { elementCount, type Tensor } from "../../core/graph/tensor.ts";
import { CaseGraph, noise } from "../conformance/case.ts";

/** A graph with one number at its end. */
export interface DerivativeCase {
  /** What it is about. */
  readonly label: string;
  /** Makes the graph afresh. */
  build(): BuiltCase;
}

/** A graph, its values and its loss `[1]`. */
export interface BuiltCase {
  /** The graph and the values of its named tensors. */
  readonly c: CaseGraph;
  /** The number to differentiate. */
  readonly loss: Tensor;
}

/** Parameters whose name starts so are frozen. */
export const frozen = "frozen.";

/** A case whose loss is the sum of all results, each weighted by frozen noise. */
export function derivativeCase(label: string, fill: (c: CaseGraph) => Tensor | readonly Tensor[]): DerivativeCase {
  return {
    label,
    build: () => {
      const c = new CaseGraph();
      const results = fill(c);
      const sums = ("id" in results ? [results] : results).map((result, i) => weigh(c, result, i));
      return { c, loss: sums.reduce((a, b) => c.graph.add(a, b)) };
    },
  };
}

function weigh(c: CaseGraph, result: Tensor, i: number): Tensor {
  const { graph } = c;
  const count = elementCount(result.shape);
  if (count === 1) return graph.reshape(result, [1]);
  const weights = c.matrix(`${frozen}${i}`, [1, count]);
  return graph.reshape(graph.linear(graph.reshape(result, [1, count]), weights), [1]);
}

/** Rotary tables of nine positions. */
function ropeTables(c: CaseGraph, half: number): [Tensor, Tensor] {
  const angles = noise("angles", 9 * half, 3);
  return [
    c.graph.constant("cos", angles.map(Math.cos), [9, half]),
    c.graph.constant("sin", angles.map(Math.sin), [9, half]),
  ];
}

const elementwise: readonly DerivativeCase[] = [
  derivativeCase("add() of two tensors", (c) => c.graph.add(c.parameter("a", [3, 5]), c.parameter("b", [3, 5]))),
  derivativeCase("add() of a repeated row", (c) => c.graph.add(c.parameter("a", [2, 3, 5]), c.parameter("b", [5]))),
  derivativeCase(
    "add() of a repeated block",
    (c) => c.graph.add(c.parameter("a", [3, 2, 5]), c.parameter("b", [2, 5])),
  ),
  derivativeCase("add() of a tensor to itself", (c) => {
    const a = c.parameter("a", [7]);
    return c.graph.add(a, a);
  }),
  derivativeCase("add() to an input", (c) => c.graph.add(c.input("a", [3, 5]), c.parameter("b", [5]))),
  derivativeCase("scale()", (c) => c.graph.scale(c.parameter("x", [3, 5]), -0.3)),
  ...(["quick", "tanh", "erf"] satisfies GeluKind[]).map((kind) =>
    derivativeCase(`gelu() ${kind}`, (c) => c.graph.gelu(c.parameter("x", [13], noise(kind, 13, 4)), kind))
  ),
  derivativeCase(
    "swiglu()",
    (c) => c.graph.swiglu(c.parameter("gate", [13], noise(1, 13, 4)), c.parameter("up", [13])),
  ),
  derivativeCase("swiglu() of a tensor with itself", (c) => {
    const x = c.parameter("x", [13]);
    return c.graph.swiglu(x, x);
  }),
  derivativeCase(
    "swiglu() with a frozen gate",
    (c) => c.graph.swiglu(c.input("gate", [5]), c.parameter("up", [5])),
  ),
];

const rows: readonly DerivativeCase[] = [
  derivativeCase("slice()", (c) => c.graph.slice(c.parameter("x", [2, 7, 3]), 2, 3)),
  derivativeCase("two overlapping slice()s", (c) => {
    const x = c.parameter("x", [2, 7, 3]);
    return [c.graph.slice(x, 0, 4), c.graph.slice(x, 3, 4)];
  }),
  derivativeCase("prepend()", (c) => c.graph.prepend(c.parameter("x", [2, 3, 5]), c.parameter("row", [5]))),
  derivativeCase("prepend() to an input", (c) => c.graph.prepend(c.input("x", [2, 3, 5]), c.parameter("row", [5]))),
  derivativeCase("splice() with a row unused and one used twice", (c) => {
    const index = c.integers("index", [2, 4], [-1, 2, 0, -1, 2, -7, -1, 3]);
    return c.graph.splice(c.parameter("hidden", [2, 4, 3]), c.parameter("features", [5, 3]), index);
  }),
  derivativeCase("splice() of frozen features", (c) => {
    const index = c.integers("index", [1, 3], [-1, 1, 0]);
    return c.graph.splice(c.parameter("hidden", [1, 3, 5]), c.input("features", [2, 5]), index);
  }),
  derivativeCase("splice() into frozen embeddings", (c) => {
    const index = c.integers("index", [1, 3], [-1, 1, 0]);
    return c.graph.splice(c.input("hidden", [1, 3, 5]), c.parameter("features", [2, 5]), index);
  }),
];

const linear: readonly DerivativeCase[] = [
  derivativeCase(
    "linear() with bias",
    (c) => c.graph.linear(c.parameter("x", [2, 3, 5]), c.matrix("w", [7, 5]), c.parameter("b", [7])),
  ),
  derivativeCase("linear() of an input", (c) => c.graph.linear(c.input("x", [3, 5]), c.matrix("w", [7, 5]))),
  derivativeCase(
    "linear() with a frozen weight",
    (c) => c.graph.linear(c.parameter("x", [3, 5]), c.matrix(`${frozen}w`, [7, 5]), c.parameter("b", [7])),
  ),
  derivativeCase("linear() of patches, a convolution", (c) => {
    const patches = c.graph.patches(c.input("pixels", [1, 3, 4, 4]), 2);
    return c.graph.linear(patches, c.matrix("w", [5, 3, 2, 2]), c.parameter("b", [5]));
  }),
  derivativeCase("linear() of unfold(), a convolution with overlapping windows", (c) => {
    const windows = c.graph.unfold(c.parameter("x", [2, 5, 4, 2]), { window: 3, stride: 2, padding: 1 });
    return c.graph.linear(windows, c.matrix("w", [3, 18]), c.parameter("b", [3]));
  }),
  derivativeCase("two linear()s of one weight", (c) => {
    const w = c.matrix("w", [5, 5]);
    return c.graph.linear(c.graph.gelu(c.graph.linear(c.parameter("x", [3, 5]), w), "erf"), w);
  }),
  derivativeCase("embedding() with repeated ids", (c) => {
    return c.graph.embedding(c.integers("ids", [2, 3], [4, 0, 4, 1, 4, 0]), c.matrix("w", [6, 5]));
  }),
  derivativeCase("groupedLinear() with an idle expert", (c) => {
    const offsets = c.integers("offsets", [4], [0, 3, 3, 7]);
    return c.graph.groupedLinear(c.parameter("x", [7, 5]), offsets, [0, 1, 2].map((e) => c.matrix(`w${e}`, [3, 5])));
  }),
  derivativeCase("groupedLinear() of an input", (c) => {
    const offsets = c.integers("offsets", [3], [0, 1, 3]);
    return c.graph.groupedLinear(c.input("x", [3, 5]), offsets, [0, 1].map((e) => c.matrix(`w${e}`, [2, 5])));
  }),
  derivativeCase("groupedLinear() with frozen experts", (c) => {
    const offsets = c.integers("offsets", [3], [0, 1, 3]);
    const weights = [0, 1].map((e) => c.matrix(`${frozen}w${e}`, [2, 5]));
    return c.graph.groupedLinear(c.parameter("x", [3, 5]), offsets, weights);
  }),
];

const norms: readonly DerivativeCase[] = [
  ...[1, 2, 7].flatMap((D) => [
    derivativeCase(`rmsNorm() of width ${D}`, (c) => {
      return c.graph.rmsNorm(c.parameter("x", [2, 3, D]), c.parameter("w", [D]), 1e-2);
    }),
    derivativeCase(`layerNorm() of width ${D}`, (c) => {
      return c.graph.layerNorm(c.parameter("x", [2, 3, D]), c.parameter("w", [D]), c.parameter("b", [D]), 1e-2);
    }),
  ]),
  derivativeCase("rmsNorm() with a frozen weight", (c) => {
    return c.graph.rmsNorm(c.parameter("x", [3, 5]), c.parameter(`${frozen}w`, [5]), 1e-2);
  }),
  derivativeCase("rmsNorm() of an input", (c) => {
    return c.graph.rmsNorm(c.input("x", [3, 5]), c.parameter("w", [5]), 1e-2);
  }),
  derivativeCase("layerNorm() of an input with a frozen weight", (c) => {
    const [w, b] = [c.parameter(`${frozen}w`, [5]), c.parameter("b", [5])];
    return c.graph.layerNorm(c.input("x", [3, 5]), w, b, 1e-2);
  }),
];

/** q, k and v as parameters. */
function attentionInputs(
  c: CaseGraph,
  { B = 1, T, S = T, H, G = H, C }: { B?: number; T: number; S?: number; H: number; G?: number; C: number },
): [Tensor, Tensor, Tensor] {
  const q = c.parameter("q", [B, T, H, C], noise("q", B * T * H * C, 2));
  return [q, c.parameter("k", [B, S, G, C]), c.parameter("v", [B, S, G, C])];
}

const attention: readonly DerivativeCase[] = [
  derivativeCase("rope()", (c) => c.graph.rope(c.parameter("x", [2, 3, 2, 6]), ...ropeTables(c, 3))),
  derivativeCase("rope() from starts of their own, past the table", (c) => {
    const start = c.integers("start", [2], [4, 7]);
    return c.graph.rope(c.parameter("x", [2, 3, 1, 4]), ...ropeTables(c, 2), { start });
  }),
  derivativeCase("rope() at positions of their own", (c) => {
    const position = c.integers("position", [2, 3], [2, 0, 2, 1, 1, 7]);
    return c.graph.rope(c.parameter("x", [2, 3, 1, 4]), ...ropeTables(c, 2), { position });
  }),
  derivativeCase("attention(), segments behind prefixes", (c) => {
    const segment = c.integers("segment", [2, 6], [0, 1, 1, 2, 2, 2, 1, 1, 65536, 65537, 65537, 65538]);
    return c.graph.attention(...attentionInputs(c, { B: 2, T: 6, H: 4, G: 2, C: 3 }), { causal: true, segment });
  }),
  derivativeCase("attention(), causal", (c) => {
    return c.graph.attention(...attentionInputs(c, { B: 2, T: 5, H: 2, C: 3 }), { causal: true });
  }),
  derivativeCase("attention(), causal over a longer row of keys", (c) => {
    return c.graph.attention(...attentionInputs(c, { T: 3, S: 5, H: 1, C: 4 }), { causal: true });
  }),
  derivativeCase("attention() over all keys", (c) => {
    return c.graph.attention(...attentionInputs(c, { T: 4, S: 7, H: 1, C: 5 }), { causal: false, scale: 0.9 });
  }),
  derivativeCase("attention() of one key", (c) => {
    return c.graph.attention(...attentionInputs(c, { T: 2, S: 1, H: 1, C: 3 }), { causal: false });
  }),
  derivativeCase("attention() with grouped queries", (c) => {
    return c.graph.attention(...attentionInputs(c, { B: 2, T: 4, H: 6, G: 2, C: 3 }), { causal: true });
  }),
  derivativeCase("attention() with padding", (c) => {
    const keep = c.integers("keep", [2, 5], [1, 0, 1, 1, 0, 1, 1, 1, 0, 1]);
    return c.graph.attention(...attentionInputs(c, { B: 2, T: 5, H: 4, G: 2, C: 3 }), { causal: true, keep });
  }),
  derivativeCase("attention() with padding over all keys", (c) => {
    const keep = c.integers("keep", [1, 4], [0, 1, 0, 1]);
    return c.graph.attention(...attentionInputs(c, { T: 3, S: 4, H: 2, C: 3 }), { causal: false, keep });
  }),
  derivativeCase("attention() of a tensor with itself", (c) => {
    const x = c.parameter("x", [1, 4, 2, 3]);
    return c.graph.attention(x, x, x, { causal: true });
  }),
  derivativeCase("attention() with frozen keys and values", (c) => {
    const [k, v] = [c.input("k", [1, 3, 1, 4]), c.input("v", [1, 3, 1, 4])];
    return c.graph.attention(c.parameter("q", [1, 3, 2, 4]), k, v, { causal: true });
  }),
  derivativeCase("attention() of normed and turned queries and keys", (c) => {
    const [q, k, v] = attentionInputs(c, { T: 4, H: 4, G: 2, C: 6 });
    const tables = ropeTables(c, 3);
    const turn = (x: Tensor, name: string) => c.graph.rope(c.graph.rmsNorm(x, c.parameter(name, [6]), 1e-2), ...tables);
    return c.graph.attention(turn(q, "q_norm"), turn(k, "k_norm"), v, { causal: true });
  }),
];

/** A router on parameters, and what it gives. */
function route(c: CaseGraph, { M, E, k, normalise }: { M: number; E: number; k: number; normalise: boolean }) {
  return c.graph.route(c.parameter("logits", [M, E], noise("logits", M * E, 2)), { k, normalise });
}

const experts: readonly DerivativeCase[] = [
  ...[true, false].flatMap((normalise) =>
    [1, 2, 3, 4].flatMap((k) => {
      const what = `${k} of 4 experts${normalise ? ", normalised" : ""}`;
      return [
        derivativeCase(`route() weights, ${what}`, (c) => route(c, { M: 5, E: 4, k, normalise }).weight),
        derivativeCase(`route() weights and scores, ${what}`, (c) => {
          const { weight, scores } = route(c, { M: 3, E: 4, k, normalise });
          return [weight, scores];
        }),
      ];
    })
  ),
  derivativeCase("route() scores", (c) => route(c, { M: 3, E: 5, k: 1, normalise: true }).scores),
  derivativeCase("gatherRows()", (c) => {
    const order = c.integers("order", [6], [5, 0, 3, 1, 2, 4]);
    return c.graph.gatherRows(c.parameter("x", [3, 5]), order);
  }),
  derivativeCase("combine()", (c) => {
    const order = c.integers("order", [6], [5, 0, 3, 1, 2, 4]);
    return c.graph.combine(c.parameter("x", [6, 5]), order, c.parameter("weight", [3, 2]));
  }),
  derivativeCase("combine() of frozen rows", (c) => {
    const order = c.integers("order", [4], [3, 0, 2, 1]);
    return c.graph.combine(c.input("x", [4, 5]), order, c.parameter("weight", [2, 2]));
  }),
  derivativeCase("combine() with frozen weights", (c) => {
    const order = c.integers("order", [4], [3, 0, 2, 1]);
    return c.graph.combine(c.parameter("x", [4, 5]), order, c.input("weight", [2, 2]));
  }),
  ...[true, false].map((perRow) =>
    derivativeCase(`balanceLoss() ${perRow ? "per row" : "of the whole batch"}`, (c) => {
      const { scores, expert } = route(c, { M: 6, E: 4, k: 2, normalise: true });
      const [s, e] = [c.graph.reshape(scores, [2, 3, 4]), c.graph.reshape(expert, [2, 3, 2])];
      return c.graph.balanceLoss(s, e, { factor: 0.7, perRow });
    })
  ),
  ...[true, false].map((normalise) =>
    derivativeCase(`a mixture of experts with its balanceLoss()${normalise ? ", normalised" : ""}`, (c) => {
      const { graph } = c;
      const x = c.parameter("x", [6, 5]);
      const logits = graph.linear(x, c.matrix("router", [4, 5]));
      const { scores, weight, expert } = graph.route(logits, { k: 2, normalise });
      const { order, offsets } = graph.dispatch(expert, 4);
      const weights = (name: string, shape: number[]) => [0, 1, 2, 3].map((e) => c.matrix(`${name}${e}`, shape));
      const sorted = graph.gatherRows(x, order);
      const gate = graph.groupedLinear(sorted, offsets, weights("gate", [3, 5]));
      const up = graph.groupedLinear(sorted, offsets, weights("up", [3, 5]));
      const y = graph.groupedLinear(graph.swiglu(gate, up), offsets, weights("down", [5, 3]));
      const [s, e] = [graph.reshape(scores, [2, 3, 4]), graph.reshape(expert, [2, 3, 2])];
      return [graph.combine(y, order, weight), graph.balanceLoss(s, e, { factor: 0.7, perRow: true })];
    })
  ),
];

/** Mean loss of rows `[5,D]` against ids of which two are ignored. */
function meanLoss(c: CaseGraph, hidden: Tensor, weight: Tensor): Tensor {
  const target = c.integers("target", [5], [1, -1, 0, 6, -100]);
  return c.graph.meanLoss(c.graph.crossEntropy(hidden, weight, target), target);
}

const losses: readonly DerivativeCase[] = [
  derivativeCase("crossEntropy()", (c) => {
    const target = c.integers("target", [5], [1, -1, 0, 6, -100]);
    return c.graph.crossEntropy(c.parameter("hidden", [5, 3]), c.matrix("w", [7, 3]), target);
  }),
  derivativeCase(
    "squaredError() of two parameters",
    (c) => c.graph.squaredError(c.parameter("a", [2, 3, 5]), c.parameter("b", [2, 3, 5])),
  ),
  derivativeCase(
    "squaredError() against an input",
    (c) => c.graph.squaredError(c.parameter("a", [3, 5]), c.input("b", [3, 5])),
  ),
  derivativeCase("meanLoss()", (c) => {
    return c.graph.meanLoss(c.parameter("loss", [4]), c.integers("target", [4], [3, -1, 0, 2]));
  }),
  derivativeCase("meanLoss() without any target", (c) => {
    return c.graph.meanLoss(c.parameter("loss", [3]), c.integers("target", [3], [-1, -100, -1]));
  }),
  derivativeCase(
    "meanLoss() of crossEntropy()",
    (c) => meanLoss(c, c.parameter("hidden", [5, 3]), c.matrix("w", [7, 3])),
  ),
  derivativeCase("crossEntropy() of frozen hidden states", (c) => {
    return meanLoss(c, c.input("hidden", [5, 3]), c.matrix("w", [7, 3]));
  }),
  derivativeCase("crossEntropy() with a frozen head", (c) => {
    return meanLoss(c, c.parameter("hidden", [5, 3]), c.matrix(`${frozen}w`, [7, 3]));
  }),
  derivativeCase("an embedding tied to the head", (c) => {
    const w = c.matrix("w", [7, 3]);
    const x = c.graph.embedding(c.integers("ids", [1, 5], [6, 0, 1, 6, 3]), w);
    return meanLoss(c, c.graph.gelu(c.graph.reshape(x, [5, 3]), "tanh"), w);
  }),
];

const paths: readonly DerivativeCase[] = [
  derivativeCase("reshape()d parameters and results", (c) => {
    const x = c.graph.reshape(c.parameter("x", [2, 6]), [3, 4]);
    const y = c.graph.gelu(x, "quick");
    return [c.graph.scale(c.graph.reshape(y, [12]), 2), c.graph.gelu(c.graph.reshape(y, [6, 2]), "erf"), y];
  }),
  derivativeCase("a value that three kernels read", (c) => {
    const x = c.graph.gelu(c.parameter("x", [2, 5]), "erf");
    return c.graph.add(c.graph.swiglu(x, c.graph.scale(x, 0.5)), x);
  }),
  derivativeCase("add() of a result to itself, and to what else was made of it", (c) => {
    const x = c.graph.scale(c.parameter("x", [2, 5]), 0.7);
    const early = c.graph.add(x, c.graph.add(x, x));
    return [c.graph.add(early, c.graph.gelu(x, "erf")), c.graph.scale(x, 1)];
  }),
  derivativeCase("residual branches on either side of add()", (c) => {
    const { graph } = c;
    const norm = (x: Tensor, name: string) => graph.rmsNorm(x, c.parameter(name, [5]), 1e-2);
    let x = c.parameter("x", [3, 5]);
    x = graph.add(x, graph.linear(norm(x, "first"), c.matrix("w1", [5, 5])));
    x = graph.add(graph.linear(norm(x, "second"), c.matrix("w2", [5, 5])), x);
    return norm(x, "last");
  }),
  derivativeCase("a parameter as the loss's own addend", (c) => {
    const x = c.parameter("x", [1]);
    return [x, c.graph.gelu(x, "tanh")];
  }),
  derivativeCase("a chain of kernels that run in place going forward", (c) => {
    const { graph } = c;
    const [w, b] = [c.parameter("w", [4]), c.parameter("b", [4])];
    let x = graph.add(graph.linear(c.input("x", [1, 2, 4]), c.matrix("first", [4, 4])), b);
    x = graph.layerNorm(graph.gelu(graph.scale(x, 1.5), "tanh"), w, b, 1e-2);
    x = graph.rmsNorm(graph.swiglu(x, graph.linear(x, c.matrix("up", [4, 4]))), w, 1e-2);
    return graph.rope(graph.reshape(x, [1, 2, 1, 4]), ...ropeTables(c, 2));
  }),
];

/** Cases of kernels. */
export const derivativeCases: readonly DerivativeCase[] = [
  ...elementwise,
  ...rows,
  ...linear,
  ...norms,
  ...attention,
  ...experts,
  ...losses,
  ...paths,
];
