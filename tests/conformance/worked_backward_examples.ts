/**
 * Worked examples of the backward and optimiser kernels. Outputs hold something before, so that what is added shows.
 *
 * @module
 */
import { packedSegment } from "../../core/graph/graph.ts";
import type { KernelName } from "../../core/graph/kernels.ts";
import type { Tensor } from "../../core/graph/tensor.ts";
import type { CaseGraph } from "./case.ts";
import { example, f32, type WorkedExample } from "./worked_example.ts";

/** Kernels of training. */
export type TrainingKernel = Extract<
  KernelName,
  `${string}Backward${string}` | "accumulate" | "sumOfSquares" | "clipFactor" | "adamw"
>;

/** An output that holds numbers already, and is one of the graph's. */
function filled(
  c: CaseGraph,
  name: string,
  { shape, numbers }: { shape: readonly number[]; numbers: number[] },
): Tensor {
  const state = c.state(name, shape, numbers);
  c.output(name, state);
  return state;
}

/** The gradient of a weight that holds numbers already, an output of the graph under the weight's name. */
function filledGradient(c: CaseGraph, weight: Tensor, numbers: number[]): Tensor {
  const state = c.stateLike(weight, "gradient", numbers);
  c.output(weight.name, state);
  return state;
}

/** At least one example per kernel; a kernel without one is a type error. */
export const workedBackwardExamples: Readonly<Record<TrainingKernel, readonly WorkedExample[]>> = {
  // 10 + 2 · (1 + 3) and 20 + 2 · (2 + 4).
  accumulate: [example((c) => {
    const y = filled(c, "y", { shape: [2], numbers: [10, 20] });
    c.graph.append("accumulate", { x: c.input("x", [2, 2], [1, 2, 3, 4]) }, { y }, { factor: 2 });
    return { y: f32(18, 32) };
  })],
  sliceBackward: [example((c) => {
    const dx = filled(c, "dx", { shape: [1, 4, 1], numbers: [10, 20, 30, 40] });
    c.graph.append("sliceBackward", { dy: c.input("dy", [1, 2, 1], [1, 2]) }, { dx }, { start: 1 });
    return { dx: f32(10, 21, 32, 40) };
  })],
  prependBackward: [example((c) => {
    const dx = filled(c, "dx", { shape: [2, 1, 1], numbers: [10, 20] });
    const drow = filled(c, "drow", { shape: [1], numbers: [5] });
    c.graph.append("prependBackward", { dy: c.input("dy", [2, 2, 1], [1, 2, 3, 4]) }, { dx, drow }, {});
    return { dx: f32(12, 24), drow: f32(9) };
  })],

  linearBackwardInput: [example((c) => {
    const dx = filled(c, "dx", { shape: [1, 3], numbers: [100, 200, 300] });
    const inputs = { dy: c.input("dy", [1, 2], [1, 10]), weight: c.matrix("w", [2, 3], [1, 2, 3, 4, 5, 6]) };
    c.graph.append("linearBackwardInput", inputs, { dx }, {});
    return { dx: f32(141, 252, 363) };
  })],
  // 1 + 10 · 1 + 100 · 3 and 2 + 10 · 2 + 100 · 4.
  linearBackwardWeight: [example((c) => {
    const dweight = filledGradient(c, c.matrix("w", [1, 2]), [1, 2]);
    const inputs = { x: c.input("x", [2, 2], [1, 2, 3, 4]), dy: c.input("dy", [2, 1], [10, 100]) };
    c.graph.append("linearBackwardWeight", inputs, { dweight }, {});
    return { w: f32(311, 422) };
  })],
  embeddingBackward: [example((c) => {
    const dweight = filledGradient(c, c.matrix("w", [3, 1]), [10, 20, 30]);
    const inputs = { ids: c.integers("ids", [1, 3], [2, 0, 2]), dy: c.input("dy", [1, 3, 1], [1, 2, 3]) };
    c.graph.append("embeddingBackward", inputs, { dweight }, {});
    return { w: f32(12, 20, 34) };
  })],
  // The root is 5, so n is 0.6 and 0.8, and g is 1 and 2 with mean(g · n) = 1.1: (1 − 0.66) / 5 and (2 − 0.88) / 5.
  rmsNormBackward: [example((c) => {
    const [x, weight] = [c.input("x", [2], [3, 4]), c.parameter("w", [2], [1, 2])];
    const dx = filled(c, "dx", { shape: [2], numbers: [1, 1] });
    const dweight = filled(c, "dweight", { shape: [2], numbers: [1, 2] });
    c.graph.append("rmsNormBackward", { x, weight, dy: c.input("dy", [2], [1, 1]) }, { dx, dweight }, { eps: 12.5 });
    return { dx: f32(1.068, 1.224), dweight: f32(1.6, 2.8) };
  })],
  // The root is 2, so n is ∓0.5, and g is 2 and 4 with means 3 and mean(g · n) = 0.5: (2 − 3 + 0.25) / 2 and its opposite.
  layerNormBackward: [example((c) => {
    const [x, weight] = [c.input("x", [2], [1, 3]), c.parameter("w", [2], [2, 4])];
    const outputs = {
      dx: filled(c, "dx", { shape: [2], numbers: [1, 1] }),
      dweight: filled(c, "dweight", { shape: [2], numbers: [1, 1] }),
      dbias: filled(c, "dbias", { shape: [2], numbers: [10, 20] }),
    };
    c.graph.append("layerNormBackward", { x, weight, dy: c.input("dy", [2], [1, 1]) }, outputs, { eps: 3 });
    return { dx: f32(0.625, 1.375), dweight: f32(0.5, 1.5), dbias: f32(11, 21) };
  })],
  // PyTorch's slopes of the three flavours: twice them, plus 1.
  geluBackward: [example((c) => {
    const inputs = { x: c.input("x", [4], [0, 1, -1, 3]), dy: c.input("dy", [4], [2, 2, 2, 2]) };
    for (const kind of ["quick", "tanh", "erf"] as const) {
      const dx = filled(c, kind, { shape: [4], numbers: [1, 1, 1, 1] });
      c.graph.append("geluBackward", inputs, { dx }, { kind });
    }
    return {
      quick: f32(2, 3.135559213, 0.864440787, 3.049096648),
      tanh: f32(2, 3.165928168, 0.834071832, 3.023168333),
      erf: f32(2, 3.166630941, 0.833369059, 3.023891294),
    };
  })],
  // σ(1) is s = 0.7310586: dgate is 5 · ½ and 2 · s · (2 − s), dup is 0 and s.
  swigluBackward: [example((c) => {
    const inputs = {
      gate: c.input("gate", [2], [0, 1]),
      up: c.input("up", [2], [5, 2]),
      dy: c.input("dy", [2], [1, 1]),
    };
    const dgate = filled(c, "dgate", { shape: [2], numbers: [1, 1] });
    const dup = filled(c, "dup", { shape: [2], numbers: [1, 1] });
    c.graph.append("swigluBackward", inputs, { dgate, dup }, {});
    return { dgate: f32(3.5, 2.855341024), dup: f32(1, 1.731058579) };
  })],

  // What rope makes of 1, 2, 3, 4 turns back into them.
  ropeBackward: [
    example((c) => {
      const [cos, sin] = [c.parameter("cos", [3, 1], [1, 0, 0.6]), c.parameter("sin", [3, 1], [0, 1, 0.8])];
      const dx = filled(c, "dx", { shape: [1, 2, 1, 2], numbers: [10, 20, 30, 40] });
      const inputs = { dy: c.input("dy", [1, 2, 1, 2], [-2, 1, -1.4, 4.8]), cos, sin };
      c.graph.append("ropeBackward", { ...inputs, start: c.integers("start", [1], [1]) }, { dx }, {});
      return { dx: f32(11, 22, 33, 44) };
    }),
    example((c) => {
      const [cos, sin] = [c.parameter("cos", [3, 1], [1, 0, 0.6]), c.parameter("sin", [3, 1], [0, 1, 0.8])];
      const dx = filled(c, "dx", { shape: [1, 2, 1, 2], numbers: [10, 20, 30, 40] });
      const inputs = { dy: c.input("dy", [1, 2, 1, 2], [-1.4, 4.8, -2, 1]), cos, sin };
      c.graph.append("ropeBackward", { ...inputs, position: c.integers("position", [1, 2], [2, 1]) }, { dx }, {});
      return { dx: f32(13, 24, 31, 42) };
    }),
  ],
  attentionBackward: [
    // Head 0 weighs the keys 3 to 1, head 1 evenly; they give 5 and 6, and dp is 4 and 8 for both. So ds is ∓0.75 and ∓1.
    example((c) => {
      const q = c.input("q", [1, 1, 2, 1], [Math.log(3), 0]);
      const [k, v] = [c.input("k", [1, 2, 1, 1], [1, 0]), c.input("v", [1, 2, 1, 1], [4, 8])];
      const y = c.graph.attention(q, k, v, { causal: false });
      const outputs = {
        dq: filled(c, "dq", { shape: [1, 1, 2, 1], numbers: [1, 2] }),
        dk: filled(c, "dk", { shape: [1, 2, 1, 1], numbers: [1, 1] }),
        dv: filled(c, "dv", { shape: [1, 2, 1, 1], numbers: [1, 2] }),
      };
      const inputs = { q, k, v, y, dy: c.input("dy", [1, 1, 2, 1], [1, 1]) };
      c.graph.append("attentionBackward", inputs, outputs, { causal: false, scale: 1 });
      return { dq: f32(0.25, 1), dk: f32(0.176040783, 1.823959217), dv: f32(2.25, 2.75) };
    }),
    // A prefix, segments of two and one behind it, and a sequence of its own; all scores are 0.
    example((c) => {
      const q = c.input("q", [1, 5, 1, 1], [0, 0, 0, 0, 0]);
      const [k, v] = [c.input("k", [1, 5, 1, 1], [1, 3, 0, 2, 5]), c.input("v", [1, 5, 1, 1], [2, 4, 9, 10, 7])];
      const segment = c.integers("segment", [1, 5], [0, 1, 1, 2, packedSegment(1, 0)]);
      const y = c.graph.attention(q, k, v, { causal: true, segment });
      const state = (name: string) => filled(c, name, { shape: [1, 5, 1, 1], numbers: [1, 1, 1, 1, 1] });
      const outputs = { dq: state("dq"), dk: state("dk"), dv: state("dv") };
      const inputs = { q, k, v, segment, y, dy: c.input("dy", [1, 5, 1, 1], [1, 1, 1, 1, 1]) };
      c.graph.append("attentionBackward", inputs, outputs, { causal: true, scale: 1 });
      return { dq: f32(1, 2, -1, 3, 1), dk: f32(1, 1, 1, 1, 1), dv: f32(10 / 3, 11 / 6, 4 / 3, 1.5, 2) };
    }),
    // A causal query at 0 sees the first key only, whatever its score.
    example((c) => {
      const q = c.input("q", [1, 1, 1, 1], [2]);
      const [k, v] = [c.input("k", [1, 2, 1, 1], [1, 0]), c.input("v", [1, 2, 1, 1], [4, 8])];
      const y = c.graph.attention(q, k, v, { causal: true });
      const outputs = {
        dq: filled(c, "dq", { shape: [1, 1, 1, 1], numbers: [1] }),
        dk: filled(c, "dk", { shape: [1, 2, 1, 1], numbers: [1, 2] }),
        dv: filled(c, "dv", { shape: [1, 2, 1, 1], numbers: [1, 2] }),
      };
      const inputs = { q, k, v, y, dy: c.input("dy", [1, 1, 1, 1], [3]) };
      c.graph.append("attentionBackward", inputs, outputs, { causal: true, scale: 1 });
      return { dq: f32(1), dk: f32(1, 2), dv: f32(4, 2) };
    }),
  ],

  // The middle pixel is in both windows: last in the middle row of the first, first in that of the second.
  unfoldBackward: [example((c) => {
    const dx = filled(c, "dx", { shape: [1, 1, 3, 1], numbers: [100, 200, 300] });
    const dy = c.input("dy", [1, 1, 2, 9], Array(18).keys());
    c.graph.append("unfoldBackward", { dy }, { dx }, { window: 3, stride: 2, padding: 1 });
    return { dx: f32(104, 217, 313) };
  })],
  spliceBackward: [example((c) => {
    const inputs = { index: c.integers("index", [1, 3], [-1, 1, 1]), dy: c.input("dy", [1, 3, 1], [1, 2, 3]) };
    const dhidden = filled(c, "dhidden", { shape: [1, 3, 1], numbers: [10, 20, 30] });
    const dfeatures = filled(c, "dfeatures", { shape: [2, 1], numbers: [100, 200] });
    c.graph.append("spliceBackward", inputs, { dhidden, dfeatures }, {});
    return { dhidden: f32(11, 20, 30), dfeatures: f32(100, 205) };
  })],

  routeBackward: [
    // The sum of the chosen scores is 7/8 and the mean of dweight is 5, so the slopes by score are 1, −40/7 and 16/7;
    // their mean is 1/8.
    example((c) => {
      const inputs = {
        scores: c.input("scores", [1, 3], [1 / 8, 2 / 8, 5 / 8]),
        weight: c.input("weight", [1, 2], [5 / 7, 2 / 7]),
        expert: c.integers("expert", [1, 2], [2, 1]),
        dscores: c.input("dscores", [1, 3], [1, 0, 0]),
        dweight: c.input("dweight", [1, 2], [7, 0]),
      };
      const dlogits = filled(c, "dlogits", { shape: [1, 3], numbers: [1, 1, 1] });
      c.graph.append("routeBackward", inputs, { dlogits }, { normalise: true });
      return { dlogits: f32(1.109375, -0.459821429, 2.350446429) };
    }),
    // Not normalised, the slope by the chosen score is 8 and the mean 5: −5/8, −10/8, 3 · 5/8.
    example((c) => {
      const inputs = {
        scores: c.input("scores", [1, 3], [1 / 8, 2 / 8, 5 / 8]),
        weight: c.input("weight", [1, 1], [5 / 8]),
        expert: c.integers("expert", [1, 1], [2]),
        dweight: c.input("dweight", [1, 1], [8]),
      };
      const dlogits = filled(c, "dlogits", { shape: [1, 3], numbers: [1, 1, 1] });
      c.graph.append("routeBackward", inputs, { dlogits }, { normalise: false });
      return { dlogits: f32(0.375, -0.25, 2.875) };
    }),
  ],
  gatherRowsBackward: [example((c) => {
    const inputs = { order: c.integers("order", [4], [2, 0, 3, 1]), dy: c.input("dy", [4, 1], [1, 2, 3, 4]) };
    c.graph.append("gatherRowsBackward", inputs, { dx: filled(c, "dx", { shape: [2, 1], numbers: [10, 20] }) }, {});
    return { dx: f32(16, 24) };
  })],
  groupedLinearBackwardInput: [example((c) => {
    const weights = [10, 100, 1000].map((weight, e) => c.matrix(`w${e}`, [1, 1], [weight]));
    const inputs = { dy: c.input("dy", [3, 1], [1, 2, 3]), offsets: c.integers("offsets", [4], [0, 1, 1, 3]), weights };
    const dx = filled(c, "dx", { shape: [3, 1], numbers: [1, 1, 1] });
    c.graph.append("groupedLinearBackwardInput", inputs, { dx }, {});
    return { dx: f32(11, 2001, 3001) };
  })],
  groupedLinearBackwardWeight: [example((c) => {
    const dweights = [1, 2, 3].map((before, e) => filledGradient(c, c.matrix(`w${e}`, [1, 1]), [before]));
    const [x, dy] = [c.input("x", [3, 1], [1, 2, 3]), c.input("dy", [3, 1], [10, 20, 30])];
    const offsets = c.integers("offsets", [4], [0, 1, 1, 3]);
    c.graph.append("groupedLinearBackwardWeight", { x, dy, offsets }, { dweights }, {});
    return { w0: f32(11), w1: f32(2), w2: f32(133) };
  })],
  // Place 0 holds choice 2 of token 1, whose dy is 10: dx += 1 · 10, dweight of choice 2 += 1 · 10.
  combineBackward: [example((c) => {
    const inputs = {
      x: c.input("x", [4, 1], [1, 10, 100, 1000]),
      order: c.integers("order", [4], [2, 0, 3, 1]),
      weight: c.input("weight", [2, 2], [0.5, 0.25, 1, 2]),
      dy: c.input("dy", [2, 1], [1, 10]),
    };
    const dx = filled(c, "dx", { shape: [4, 1], numbers: [1, 1, 1, 1] });
    const dweight = filled(c, "dweight", { shape: [2, 2], numbers: [1, 2, 3, 4] });
    c.graph.append("combineBackward", inputs, { dx, dweight }, {});
    return { dx: f32(11, 1.5, 21, 1.25), dweight: f32(11, 1002, 13, 1004) };
  })],
  // Rows: 2 · 4 / 2 for the chosen expert. Batch: 2 · 4 / 2² for both.
  balanceLossBackward: [example((c) => {
    const inputs = { expert: c.integers("expert", [2, 1, 1], [0, 1]), dy: c.input("dy", [1], [4]) };
    for (const [name, perRow] of [["rows", true], ["batch", false]] as const) {
      const dscores = filled(c, name, { shape: [2, 1, 2], numbers: [1, 1, 1, 1] });
      c.graph.append("balanceLossBackward", inputs, { dscores }, { factor: 2, perRow });
    }
    return { rows: f32(5, 1, 1, 5), batch: f32(3, 3, 3, 3) };
  })],

  // The scores are 1, 2 and 5 eighths, so dlogits is 1, 2, −3: dhidden is 2 · log 2 − 3 · log 5.
  crossEntropyBackward: [example((c) => {
    const weight = c.matrix("w", [3, 1], [Math.log(1), Math.log(2), Math.log(5)]);
    const inputs = {
      hidden: c.input("hidden", [2, 1], [1, 1]),
      weight,
      target: c.integers("target", [2], [2, -100]),
      dloss: c.input("dloss", [2], [8, 8]),
    };
    const dhidden = filled(c, "dhidden", { shape: [2, 1], numbers: [1, 7] });
    const dweight = filledGradient(c, weight, [10, 20, 30]);
    c.graph.append("crossEntropyBackward", inputs, { dhidden, dweight }, {});
    return { dhidden: f32(-2.442019376, 7), w: f32(11, 22, 27) };
  })],
  // a − b is 0 and −2, then 3 and −3; the loss of the second row counts double.
  squaredErrorBackward: [example((c) => {
    const [a, b] = [c.input("a", [2, 2], [1, 2, 3, 4]), c.input("b", [2, 2], [1, 4, 0, 7])];
    const da = filled(c, "da", { shape: [2, 2], numbers: [10, 20, 30, 40] });
    const db = filled(c, "db", { shape: [2, 2], numbers: [10, 20, 30, 40] });
    c.graph.append("squaredErrorBackward", { a, b, dloss: c.input("dloss", [2], [1, 2]) }, { da, db }, {});
    return { da: f32(10, 18, 36, 34), db: f32(10, 22, 24, 46) };
  })],
  meanLossBackward: [example((c) => {
    const dy = c.input("dy", [1], [6]);
    const some = filled(c, "some", { shape: [3], numbers: [1, 2, 3] });
    c.graph.append("meanLossBackward", { target: c.integers("target", [3], [0, -1, 3]), dy }, { dloss: some }, {});
    const none = filled(c, "none", { shape: [2], numbers: [1, 2] });
    c.graph.append("meanLossBackward", { target: c.integers("ignored", [2], [-1, -100]), dy }, { dloss: none }, {});
    return { some: f32(4, 2, 6), none: f32(1, 2) };
  })],

  sumOfSquares: [example((c) => {
    const y = filled(c, "y", { shape: [1], numbers: [0.5] });
    c.graph.append("sumOfSquares", { x: c.input("x", [3], [1, 2, -3]) }, { y }, {});
    return { y: f32(14.5) };
  })],
  clipFactor: [example((c) => {
    const squares = c.input("squares", [1], [4]);
    for (const [name, most] of [["above", 1], ["below", 3], ["without", Infinity]] as const) {
      const inputs = { squares, limit: c.input(`limit ${name}`, [1], [most]) };
      c.graph.append("clipFactor", inputs, { clip: filled(c, name, { shape: [1], numbers: [9] }) }, {});
    }
    const inputs = { squares, limit: c.input("limit scaled", [1], [0.25]), scale: c.input("scale", [1], [4]) };
    c.graph.append("clipFactor", inputs, { clip: filled(c, "scaled", { shape: [1], numbers: [9] }) }, {});
    return { above: f32(0.49999975), below: f32(1), without: f32(1), scaled: f32(0.12499975) };
  })],
  // PyTorch's numbers.
  adamw: [
    example((c) => {
      const parameter = c.matrix("w", [1, 3], [1, -2, 0.5]);
      const outputs = {
        parameter,
        mean: c.stateLike(parameter, "mean", [1, 0.5, -0.25]),
        variance: c.stateLike(parameter, "variance", [1, 2, 0.5]),
      };
      c.graph.append(
        "adamw",
        {
          gradient: c.stateLike(parameter, "gradient", [4, -1, 0]),
          clip: c.input("clip", [1], [0.5]),
          settings: c.input("settings", [6], [0.1, 0.75, 0.875, 0.25, 0.5, 3]),
        },
        outputs,
        {},
      );
      for (const [name, tensor] of Object.entries(outputs)) c.output(name, tensor);
      return {
        parameter: f32(0.855623603, -1.91680634, 0.498144865),
        mean: f32(1.25, 0.25, -0.1875),
        variance: f32(1.375, 1.78125, 0.4375),
      };
    }),
    // The first step with the defaults: a step is the learning rate, however small the gradient above eps.
    example((c) => {
      const parameter = c.parameter("w", [3], [1, -0.5, 0.25]);
      const [mean, variance] = ["mean", "variance"].map((kind) => c.stateLike(parameter, kind, [0, 0, 0]));
      c.graph.append(
        "adamw",
        {
          gradient: c.stateLike(parameter, "gradient", [0.5, -1e-8, 0]),
          clip: c.input("clip", [1], [1]),
          settings: c.input("settings", [6], [1e-3, 0.9, 0.999, 1e-8, 0.01, 1]),
        },
        { parameter, mean: mean!, variance: variance! },
        {},
      );
      c.output("parameter", parameter);
      return { parameter: f32(0.998989999, -0.499495, 0.249997497) };
    }),
  ],
};
