/**
 * One example per kernel, worked by hand: literal numbers in, literal numbers out. They hold for every backend.
 *
 * @module
 */
import { packedSegment } from "../../core/graph/graph.ts";
import type { HostData } from "../../core/backend.ts";
import type { KernelName } from "../../core/graph/kernels.ts";
import { type SamplingOptions, samplingSettings } from "../../core/sampling.ts";
import { workedBackwardExamples } from "./worked_backward_examples.ts";
import { example, f32, i32, type WorkedExample } from "./worked_example.ts";

export type { WorkedExample } from "./worked_example.ts";

/** At least one example per kernel; a kernel without one is a type error. */
export const workedExamples: Readonly<Record<KernelName, readonly WorkedExample[]>> = {
  fill: [example(({ graph }) => {
    graph.output("y", graph.fill([2, 2], 0.5));
    return { y: f32(0.5, 0.5, 0.5, 0.5) };
  })],
  add: [example((c) => {
    c.output("y", c.graph.add(c.input("a", [2, 2], [1, 2, 3, 4]), c.input("b", [2], [10, 20])));
    return { y: f32(11, 22, 13, 24) };
  })],
  scale: [example((c) => {
    c.output("y", c.graph.scale(c.input("x", [3], [1, 2, -3]), -2));
    return { y: f32(-2, -4, 6) };
  })],
  advance: [example((c) => {
    const counter = c.counter("counter", [2], [5, -1]);
    c.graph.advance(counter, 3);
    c.output("counter", counter);
    return { counter: i32(8, 2) };
  })],
  slice: [example((c) => {
    c.output("y", c.graph.slice(c.input("x", [2, 3, 1], [1, 2, 3, 4, 5, 6]), 1, 2));
    return { y: f32(2, 3, 5, 6) };
  })],
  takeRow: [example((c) => {
    const x = c.input("x", [2, 2, 2], [1, 2, 3, 4, 5, 6, 7, 8]);
    c.output("y", c.graph.takeRow(x, c.integers("index", [2], [1, 0])));
    return { y: f32(3, 4, 5, 6) };
  })],
  prepend: [example((c) => {
    c.output("y", c.graph.prepend(c.input("x", [2, 1, 2], [1, 2, 3, 4]), c.parameter("row", [2], [9, 8])));
    return { y: f32(9, 8, 1, 2, 9, 8, 3, 4) };
  })],

  linear: [example((c) => {
    const x = c.input("x", [2, 3], [1, 2, 3, 4, 5, 6]);
    const w = c.matrix("w", [2, 3], [1, 0, -1, 2, 1, 0]);
    c.output("plain", c.graph.linear(x, w));
    c.output("biased", c.graph.linear(x, w, c.parameter("b", [2], [10, 20])));
    return { plain: f32(-2, 4, -2, 13), biased: f32(8, 24, 8, 33) };
  })],
  embedding: [example((c) => {
    const w = c.matrix("w", [3, 2], [1, 2, 3, 4, 5, 6]);
    c.output("y", c.graph.embedding(c.integers("ids", [1, 3], [2, 0, 2]), w));
    return { y: f32(5, 6, 1, 2, 5, 6) };
  })],
  // The mean of squares is 12.5, so the root is 5.
  rmsNorm: [example((c) => {
    c.output("y", c.graph.rmsNorm(c.input("x", [2], [3, 4]), c.parameter("w", [2], [1, 2]), 12.5));
    return { y: f32(0.6, 1.6) };
  })],
  // The variance is 1, so the root is 2.
  layerNorm: [example((c) => {
    const [w, b] = [c.parameter("w", [2], [2, 4]), c.parameter("b", [2], [1, 10])];
    c.output("y", c.graph.layerNorm(c.input("x", [2], [1, 3]), w, b, 3));
    return { y: f32(0, 12) };
  })],
  gelu: [example((c) => {
    const x = c.input("x", [5], [0, 1, -1, 3, -0.5]);
    c.output("quick", c.graph.gelu(x, "quick"));
    c.output("tanh", c.graph.gelu(x, "tanh"));
    c.output("erf", c.graph.gelu(x, "erf"));
    return {
      quick: f32(0, 0.845795766, -0.154204234, 2.981928690, -0.149611563),
      tanh: f32(0, 0.841191991, -0.158808009, 2.996362608, -0.154285990),
      erf: f32(0, 0.841344746, -0.158655254, 2.995950306, -0.154268769),
    };
  })],
  // 1 · 0.7310586 · 2 and −2 · 0.1192029 · 3
  swiglu: [example((c) => {
    c.output("y", c.graph.swiglu(c.input("gate", [3], [0, 1, -2]), c.input("up", [3], [5, 2, 3])));
    return { y: f32(0, 1.462117157, -0.715217532) };
  })],

  rope: [
    example((c) => {
      const [cos, sin] = [c.parameter("cos", [3, 1], [1, 0, 0.6]), c.parameter("sin", [3, 1], [0, 1, 0.8])];
      const start = c.integers("start", [1], [1]);
      c.output("y", c.graph.rope(c.input("x", [1, 2, 1, 2], [1, 2, 3, 4]), cos, sin, { start }));
      return { y: f32(-2, 1, -1.4, 4.8) };
    }),
    // Each token at a position of its own.
    example((c) => {
      const [cos, sin] = [c.parameter("cos", [3, 1], [1, 0, 0.6]), c.parameter("sin", [3, 1], [0, 1, 0.8])];
      const position = c.integers("position", [1, 2], [2, 1]);
      c.output("y", c.graph.rope(c.input("x", [1, 2, 1, 2], [3, 4, 1, 2]), cos, sin, { position }));
      return { y: f32(-1.4, 4.8, -2, 1) };
    }),
    // Halves, not neighbours: 1 turns with 3 and 2 with 4.
    example((c) => {
      const [cos, sin] = [c.parameter("cos", [1, 2], [0, 0.6]), c.parameter("sin", [1, 2], [1, 0.8])];
      c.output("y", c.graph.rope(c.input("x", [1, 1, 1, 4], [1, 2, 3, 4]), cos, sin));
      return { y: f32(-3, -2, 1, 4) };
    }),
  ],
  cacheWrite: [
    example((c) => {
      const cache = c.state("cache", [2, 2, 1, 2], new Float32Array(8));
      const start = c.integers("start", [2], [1, 0]);
      c.graph.cacheWrite(cache, c.input("x", [2, 1, 1, 2], [1, 2, 3, 4]), { start });
      c.output("cache", cache);
      return { cache: f32(0, 0, 1, 2, 3, 4, 0, 0) };
    }),
    // The first of two goes into the last of three rows, the second into the first.
    example((c) => {
      const cache = c.state("cache", [3, 2, 1, 1], new Float32Array(6));
      const places = { start: c.integers("start", [2], [1, 0]), row: c.integers("row", [2], [2, 0]) };
      c.graph.cacheWrite(cache, c.input("x", [2, 1, 1, 1], [7, 8]), places);
      c.output("cache", cache);
      return { cache: f32(8, 0, 0, 0, 0, 7) };
    }),
  ],
  attention: [
    example((c) => {
      // Head 0 weighs the keys 3 to 1, head 1 evenly; a causal query at 0 sees the first key only.
      const q = c.input("q", [1, 1, 2, 1], [Math.log(3), 0]);
      const [k, v] = [c.input("k", [1, 2, 1, 1], [1, 0]), c.input("v", [1, 2, 1, 1], [4, 8])];
      c.output("all", c.graph.attention(q, k, v, { causal: false }));
      c.output("causal", c.graph.attention(q, k, v, { causal: true }));
      c.output("later", c.graph.attention(q, k, v, { causal: true, start: c.integers("start", [1], [1]) }));
      const keep = c.integers("keep", [1, 2], [0, 1]);
      c.output("kept", c.graph.attention(q, k, v, { causal: false, keep }));
      const none = c.integers("none", [1, 2], [0, 0]);
      c.output("none kept", c.graph.attention(q, k, v, { causal: false, keep: none }));
      return { all: f32(5, 6), causal: f32(4, 4), later: f32(5, 6), kept: f32(8, 8), "none kept": f32(6, 6) };
    }),
    // Rows 1, 0 and 1 of two: 7 weighed 3 to 1 with 9, 5 alone, and 7 alone.
    example((c) => {
      const q = c.input("q", [3, 1, 1, 1], [Math.log(3), 1, 1]);
      const [k, v] = [c.input("k", [2, 2, 1, 1], [1, 1, 1, 0]), c.input("v", [2, 2, 1, 1], [5, 0, 7, 9])];
      const [start, row] = [c.integers("start", [3], [1, 0, 0]), c.integers("row", [3], [1, 0, 1])];
      c.output("y", c.graph.attention(q, k, v, { causal: true, start, row }));
      return { y: f32(7.5, 5, 7) };
    }),
    // A prefix, two segments behind it, and a sequence that shares nothing with them.
    example((c) => {
      const q = c.input("q", [1, 5, 1, 1], [0, 0, 0, 0, 0]);
      const [k, v] = [c.input("k", [1, 5, 1, 1]), c.input("v", [1, 5, 1, 1], [2, 4, 9, 10, 7])];
      const segment = c.integers("segment", [1, 5], [0, 1, 1, 2, packedSegment(1, 0)]);
      c.output("y", c.graph.attention(q, k, v, { causal: true, segment }));
      return { y: f32(2, 3, 5, 6, 7) };
    }),
    // Heads 0 and 1 share the first key/value head, heads 2 and 3 the second.
    example((c) => {
      const [q, k] = [c.input("q", [1, 1, 4, 1]), c.input("k", [1, 1, 2, 1])];
      c.output("y", c.graph.attention(q, k, c.input("v", [1, 1, 2, 1], [7, 9]), { causal: false }));
      return { y: f32(7, 7, 9, 9) };
    }),
  ],

  patches: [
    example((c) => {
      c.output("y", c.graph.patches(c.input("pixels", [1, 3, 4, 4], Array(48).keys()), 2));
      const patches = [
        [0, 1, 4, 5, 16, 17, 20, 21, 32, 33, 36, 37],
        [2, 3, 6, 7, 18, 19, 22, 23, 34, 35, 38, 39],
        [8, 9, 12, 13, 24, 25, 28, 29, 40, 41, 44, 45],
        [10, 11, 14, 15, 26, 27, 30, 31, 42, 43, 46, 47],
      ];
      return { y: f32(...patches.flat()) };
    }),
    // Patches of one pixel: its three channels together, image by image.
    example((c) => {
      c.output("y", c.graph.patches(c.input("pixels", [2, 3, 2, 2], Array(24).keys()), 1));
      const first = [0, 4, 8, 1, 5, 9, 2, 6, 10, 3, 7, 11];
      return { y: f32(...first, ...first.map((pixel) => pixel + 12)) };
    }),
  ],
  unfold: [
    // Two channels, windows of two pixels side by side and one above the other.
    example((c) => {
      const x = c.input("x", [1, 2, 3, 2], Array(12).keys());
      c.output("y", c.graph.unfold(x, { window: 2, stride: 1, padding: 0 }));
      return { y: f32(...[0, 1, 2, 3, 6, 7, 8, 9], ...[2, 3, 4, 5, 8, 9, 10, 11]) };
    }),
    // Three pixels in a row, two apart and zeros around: windows about the first and the last.
    example((c) => {
      c.output("y", c.graph.unfold(c.input("x", [1, 1, 3, 1], [1, 2, 3]), { window: 3, stride: 2, padding: 1 }));
      return { y: f32(...[0, 0, 0, 0, 1, 2, 0, 0, 0], ...[0, 0, 0, 2, 3, 0, 0, 0, 0]) };
    }),
  ],
  splice: [example((c) => {
    const [hidden, features] = [c.input("hidden", [1, 3, 1], [1, 2, 3]), c.input("features", [2, 1], [10, 20])];
    c.output("y", c.graph.splice(hidden, features, c.integers("index", [1, 3], [-1, 1, 0])));
    return { y: f32(1, 20, 10) };
  })],

  route: [
    example((c) => {
      const logits = c.input("logits", [1, 3], [Math.log(1), Math.log(2), Math.log(5)]);
      const { scores, weight, expert } = c.graph.route(logits, { k: 2, normalise: true });
      c.output("scores", scores);
      c.output("weight", weight);
      c.output("expert", expert);
      return { scores: f32(1 / 8, 2 / 8, 5 / 8), weight: f32(5 / 7, 2 / 7), expert: i32(2, 1) };
    }),
    example((c) => {
      const { weight, expert } = c.graph.route(c.input("logits", [1, 4], [0, 1, 1, 0]), { k: 3, normalise: false });
      c.output("weight", weight);
      c.output("expert", expert);
      const likely = Math.E / (2 * Math.E + 2);
      return { weight: f32(likely, likely, 0.5 - likely), expert: i32(1, 2, 0) };
    }),
  ],
  dispatch: [example((c) => {
    const { order, offsets } = c.graph.dispatch(c.integers("expert", [3, 2], [2, 0, 0, 2, 2, 3]), 4);
    c.output("order", order);
    c.output("offsets", offsets);
    return { order: i32(1, 2, 0, 3, 4, 5), offsets: i32(0, 2, 2, 5, 6) };
  })],
  gatherRows: [example((c) => {
    const order = c.integers("order", [6], [1, 2, 0, 3, 4, 5]);
    c.output("y", c.graph.gatherRows(c.input("x", [3, 1], [10, 20, 30]), order));
    return { y: f32(10, 20, 10, 20, 30, 30) };
  })],
  groupedLinear: [example((c) => {
    const weights = [10, 100, 1000].map((weight, e) => c.matrix(`w${e}`, [1, 1], [weight]));
    const offsets = c.integers("offsets", [4], [0, 1, 1, 3]);
    c.output("y", c.graph.groupedLinear(c.input("x", [3, 1], [1, 2, 3]), offsets, weights));
    return { y: f32(10, 2000, 3000) };
  })],
  // Token 0 has choices 0 and 1, at places 1 and 3: 0.5 · 10 + 0.25 · 1000.
  combine: [example((c) => {
    const x = c.input("x", [4, 1], [1, 10, 100, 1000]);
    const weight = c.input("weight", [2, 2], [0.5, 0.25, 1, 2]);
    c.output("y", c.graph.combine(x, c.integers("order", [4], [2, 0, 3, 1]), weight));
    return { y: f32(255, 201) };
  })],
  balanceLoss: [example((c) => {
    const scores = c.input("scores", [2, 1, 2], [0.5, 0.5, 0.25, 0.75]);
    const expert = c.integers("expert", [2, 1, 1], [0, 1]);
    c.output("rows", c.graph.balanceLoss(scores, expert, { factor: 2, perRow: true }));
    c.output("batch", c.graph.balanceLoss(scores, expert, { factor: 2, perRow: false }));
    // Rows: 2 · (0.5 + 0.75) / 2. Batch: 2 · (0.5 · 0.375 + 0.5 · 0.625).
    return { rows: f32(1.25), batch: f32(1) };
  })],

  // The answer has 5 of 8 parts: −log(5/8).
  crossEntropy: [example((c) => {
    const weight = c.matrix("w", [3, 1], [Math.log(1), Math.log(2), Math.log(5)]);
    const target = c.integers("target", [2], [2, -100]);
    c.output("loss", c.graph.crossEntropy(c.input("hidden", [2, 1], [1, 1]), weight, target));
    return { loss: f32(0.470003629, 0) };
  })],
  squaredError: [example((c) => {
    const [a, b] = [c.input("a", [2, 2], [1, 2, 3, 4]), c.input("b", [2, 2], [1, 4, 0, 7])];
    c.output("loss", c.graph.squaredError(a, b));
    return { loss: f32(2, 9) };
  })],
  meanLoss: [example((c) => {
    const loss = c.input("loss", [3], [1, 2, 6]);
    c.output("some", c.graph.meanLoss(loss, c.integers("some", [3], [0, -1, 3])));
    c.output("none", c.graph.meanLoss(loss, c.integers("none", [3], [-1, -1, -1])));
    return { some: f32(3.5), none: f32(0) };
  })],
  sample: [
    sampleExample({ logits: [1, 3, 3], options: {}, seen: [1, 0, 0] }, {
      probabilities: f32(0, 1, 0),
      id: i32(1),
      seen: i32(1, 2, 0),
    }),
    sampleExample({ logits: [0, Math.log(2), Math.log(5)], options: { temperature: 1, topK: 2 }, seen: [0, 1, 3] }, {
      probabilities: f32(0, 2 / 7, 5 / 7),
      id: i32(2),
      seen: i32(0, 1, 5),
    }),
    // A temperature of a half squares the parts: 1, 4 and 25 of 30, and 25 alone are more than 0.8.
    sampleExample(
      { logits: [0, Math.log(2), Math.log(5)], options: { temperature: 0.5, topP: 0.8 }, seen: [0, 0, 0] },
      {
        probabilities: f32(0, 0, 1),
        id: i32(2),
        seen: i32(0, 0, 2),
      },
    ),
    // Four quarters: the third stands behind exactly a half and stays.
    sampleExample({ logits: [3, 3, 3, 3], options: { temperature: 1, topP: 0.5 }, seen: [0, 0, 0, 0] }, {
      probabilities: f32(1 / 3, 1 / 3, 1 / 3, 0),
      id: i32(2),
      seen: i32(0, 0, 2, 0),
    }),
    // 1, 2, 5 parts; 0.3 of 5 is 1.5.
    sampleExample({ logits: [0, Math.log(2), Math.log(5)], options: { temperature: 1, minP: 0.3 }, seen: [0, 0, 0] }, {
      probabilities: f32(0, 2 / 7, 5 / 7),
      id: i32(2),
      seen: i32(0, 0, 2),
    }),
    // The penalty makes 2 a 1 and −1 a −2, so the parts are e³ to 1.
    sampleExample({ logits: [-1, 2], options: { temperature: 1, repetitionPenalty: 2 }, seen: [2, 1] }, {
      probabilities: f32(0.047425873, 0.952574127),
      id: i32(1),
      seen: i32(2, 3),
    }),
  ],

  ...workedBackwardExamples,
};

/** One draw by stream 0, whose first number, 0.767, is above two thirds. */
function sampleExample(
  { logits, options, seen }: { logits: readonly number[]; options: SamplingOptions; seen: readonly number[] },
  expected: Record<string, HostData>,
): WorkedExample {
  return example((c) => {
    const V = logits.length;
    const id = c.counter("id", [1], [0]);
    const states = { id, seen: c.counter("seen", [1, V], seen), random: c.counter("random", [1, 2], [0, 0]) };
    const settings = c.input("settings", [1, 5], samplingSettings(options));
    c.output("probabilities", c.graph.sample(c.input("logits", [1, V], logits), settings, states));
    for (const [name, state] of Object.entries(states)) c.output(name, state);
    return { ...expected, random: i32(0, 1) };
  });
}
