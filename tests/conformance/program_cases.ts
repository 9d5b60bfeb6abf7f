/**
 * Cases about programs: memory that is used again, outputs of every kind, and steps that follow each other.
 *
 * @module
 */
import { type BackendCase, type CaseGraph, programCase, wholeNumbers } from "./case.ts";

/** One decoding step of a tiny model that feeds the id it draws to its next run. */
function decodingStep(
  c: CaseGraph,
  { B, V, D, H, S }: { B: number; V: number; D: number; H: number; S: number },
): void {
  const { graph } = c;
  const C = D / H;
  const [id, start] = [c.counter("id", [B], new Int32Array(B).fill(1)), c.counter("start", [B], new Int32Array(B))];
  const embedding = c.matrix("embedding", [V, D]);
  const x = graph.embedding(graph.reshape(id, [B, 1]), embedding); // [B,1,D]
  const normed = graph.rmsNorm(x, c.parameter("norm", [D]), 1e-6);
  const heads = (name: string) => graph.reshape(graph.linear(normed, c.matrix(name, [D, D])), [B, 1, H, C]);
  const [k, v] = [c.state("k", [B, S, H, C]), c.state("v", [B, S, H, C])];
  const q = heads("q.weight");
  graph.cacheWrite(k, heads("k.weight"), { start });
  graph.cacheWrite(v, heads("v.weight"), { start });
  const mixed = graph.reshape(graph.attention(q, k, v, { causal: true, start }), [B, 1, D]);
  const logits = graph.linear(graph.reshape(graph.add(x, mixed), [B, D]), embedding); // [B,V]
  graph.sample(logits, c.input("settings", [B, 5], Array.from({ length: B }, () => [0.9, 0, 1, 0, 1.2]).flat()), {
    id,
    seen: c.counter("seen", [B, V], new Int32Array(B * V)),
    random: c.counter("random", [B, 2], Array.from({ length: B }, (_, b) => [7 + b, 0]).flat()),
  });
  graph.advance(start, 1);
  c.output("logits", logits);
  c.output("id", id);
}

/** Cases of whole programs. */
export const programCases: readonly BackendCase[] = [
  programCase({ title: "a chain of kernels that run in place matches the reference", tolerance: 1e-5 }, (c) => {
    const { graph } = c;
    const [w, b] = [c.parameter("w", [10]), c.parameter("b", [10])];
    let x = graph.add(c.input("x", [2, 3, 10]), b);
    x = graph.layerNorm(graph.gelu(graph.scale(x, 1.5), "tanh"), w, b, 1e-5);
    x = graph.rmsNorm(graph.swiglu(x, c.input("up", [2, 3, 10])), w, 1e-6);
    const [cos, sin] = [c.parameter("cos", [3, 5]), c.parameter("sin", [3, 5])];
    c.output("y", graph.rope(graph.reshape(x, [2, 3, 1, 10]), cos, sin));
  }),
  programCase({ title: "a value read again after a kernel that could run in place keeps its numbers" }, (c) => {
    const x = c.graph.scale(c.input("x", [67]), 2);
    const y = c.graph.add(x, c.input("z", [67]));
    c.output("sum", c.graph.add(y, x));
  }),
  programCase({ title: "an output read by a kernel that could run in place keeps its numbers" }, (c) => {
    const x = c.graph.scale(c.input("x", [67]), 2);
    c.output("before", x);
    c.output("after", c.graph.scale(c.graph.reshape(x, [67, 1]), 4));
  }),
  programCase({ title: "an input read by a kernel that could run in place keeps its numbers" }, (c) => {
    const x = c.input("x", [5, 7]);
    c.output("y", c.graph.scale(x, 2));
    c.output("x", x);
  }),
  programCase({ title: "inputs, parameters, constants and states are outputs as well" }, (c) => {
    const counter = c.counter("counter", [3], [4, 5, 6]);
    c.output("ids", c.integers("ids", [5], [1, -2, 3, -4, 5]));
    c.output("parameter", c.parameter("p", [3, 5]));
    c.output("constant", c.graph.constant("c", Float32Array.of(1, 2, 3), [3]));
    c.output("state", c.state("s", [7]));
    c.output("counter", counter);
    c.output("reshaped", c.graph.reshape(c.input("x", [3, 4]), [12]));
    c.graph.advance(counter, 1);
  }),
  programCase({ title: "one tensor under two output names and two shapes gives the same numbers" }, (c) => {
    const y = c.graph.scale(c.input("x", [6, 2]), 0.5);
    c.output("first", y);
    c.output("second", c.graph.reshape(y, [3, 4]));
  }),
  programCase({ title: "branches of different length matches the reference", tolerance: 1e-5 }, (c) => {
    const { graph } = c;
    const x = c.input("x", [33, 20]);
    const up = graph.linear(x, c.matrix("up", [67, 20]));
    const gate = graph.gelu(graph.linear(x, c.matrix("gate", [67, 20])), "erf");
    const down = graph.linear(graph.swiglu(gate, up), c.matrix("down", [20, 67]));
    c.output("y", graph.rmsNorm(graph.add(x, down), c.parameter("w", [20]), 1e-6));
  }),
  programCase({ title: "a mixture of experts from router to combine matches the reference", tolerance: 1e-5 }, (c) => {
    const { graph } = c;
    const x = c.input("x", [19, 12]);
    const { weight, expert } = graph.route(graph.linear(x, c.matrix("router", [5, 12])), { k: 2, normalise: true });
    const { order, offsets } = graph.dispatch(expert, 5);
    const weights = (name: string, shape: number[]) => [0, 1, 2, 3, 4].map((e) => c.matrix(`${name}${e}`, shape));
    const hidden = graph.groupedLinear(graph.gatherRows(x, order), offsets, weights("up", [31, 12]));
    const y = graph.groupedLinear(graph.gelu(hidden, "quick"), offsets, weights("down", [12, 31]));
    c.output("y", graph.combine(y, order, weight));
  }),
  programCase({ title: "an image spliced between tokens matches the reference", tolerance: 1e-5 }, (c) => {
    const { graph } = c;
    const pixels = graph.patches(c.input("pixels", [1, 3, 6, 6]), 2); // [1,9,12]
    const features = graph.linear(pixels, c.matrix("patch", [10, 3, 2, 2]), c.parameter("bias", [10]));
    const ids = c.integers("ids", [1, 13], wholeNumbers(1, { count: 13, end: 17 }));
    const hidden = graph.embedding(ids, c.matrix("embedding", [17, 10]));
    const index = c.integers("index", [1, 13], [-1, -1, 0, 1, 2, 3, 4, 5, 6, 7, 8, -1, -1]);
    c.output("y", graph.splice(hidden, graph.reshape(features, [9, 10]), index));
  }),
  programCase({ title: "decoding steps that feed themselves match the reference", tolerance: 1e-4, runs: 12 }, (c) => {
    decodingStep(c, { B: 2, V: 67, D: 24, H: 2, S: 16 });
  }),
];
