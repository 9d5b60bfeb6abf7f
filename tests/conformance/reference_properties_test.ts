/**
 * What must hold of the kernels whatever the numbers: identities that need no second implementation.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { erf } from "../../backends/reference/elementwise.ts";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import type { HostData } from "../../core/backend.ts";
import { planGraph } from "../../core/graph/plan.ts";
import type { Tensor } from "../../core/graph/tensor.ts";
import { samplingSettings } from "../../core/sampling.ts";
import { CaseGraph, noise, wholeNumbers } from "./case.ts";
import { compareNumbers, loadCase } from "./check_backend.ts";

const backend = createReferenceBackend();

/** Outputs, by name, after some runs of a graph. */
async function run(fill: (c: CaseGraph) => Record<string, Tensor>, runs = 1): Promise<Record<string, HostData>> {
  const c = new CaseGraph();
  for (const [name, tensor] of Object.entries(fill(c))) c.output(name, tensor);
  const plan = planGraph(c.graph);
  using loaded = loadCase(plan, { values: c.values, backend });
  for (let i = 0; i < runs; i++) loaded.program.run();
  const results: Record<string, HostData> = {};
  for (const name of plan.outputs.keys()) results[name] = await loaded.program.read(name);
  return results;
}

function sum(numbers: Iterable<number>): number {
  return [...numbers].reduce((total, value) => total + value, 0);
}

/** Rows of a matrix given in C order. */
function rowsOf(data: HostData, width: number): HostData[] {
  return Array.from({ length: data.length / width }, (_, i) => data.slice(i * width, (i + 1) * width));
}

Deno.test("erf() matches published values within 1e-14", () => {
  const published = [
    [0.1, 0.1124629160182849],
    [0.5, 0.5204998778130465],
    [1, 0.8427007929497149],
    [
      2,
      0.9953222650189527,
    ],
    [3.5, 0.9999992569016276],
    [5, 0.9999999999984626],
    [0, 0],
    [9, 1],
  ] as const;
  for (const [x, value] of published) {
    assertAlmostEquals(erf(x), value, 1e-14);
    assertAlmostEquals(erf(-x), -value, 1e-14);
  }
});

Deno.test("attention() over a cache filled token by token equals causal attention exactly", async () => {
  const [B, T, H, G, C] = [2, 9, 4, 2, 12];
  const [q, k, v] = [H, G, G].map((heads, i) => noise(i, B * T * heads * C));
  const inputs = (c: CaseGraph) =>
    [c.input("q", [B, T, H, C], q), c.input("k", [B, T, G, C], k), c.input("v", [B, T, G, C], v)] as const;
  const whole = await run((c) => ({ y: c.graph.attention(...inputs(c), { causal: true }) }));

  const step = await run((c) => {
    const start = c.counter("start", [B], new Int32Array(B));
    const [qs, ks, vs] = inputs(c);
    const token = (x: Tensor) => {
      const [, , heads] = x.shape;
      const row = c.graph.takeRow(c.graph.reshape(x, [B, T, heads! * C]), start);
      return c.graph.reshape(row, [B, 1, heads!, C]);
    };
    const cache = (name: string, x: Tensor) => {
      const state = c.state(name, [B, T + 3, G, C]);
      c.graph.cacheWrite(state, token(x), { start });
      return state;
    };
    const y = c.graph.attention(token(qs), cache("kCache", ks), cache("vCache", vs), { causal: true, start });
    const all = c.state("all", [B, T, H, C]);
    c.graph.cacheWrite(all, y, { start });
    c.graph.advance(start, 1);
    return { all };
  }, T);
  assertEquals(step.all, whole.y);
});

Deno.test("attention() over equal values returns them whatever the scores, within 1e-6", async () => {
  const { y } = await run((c) => {
    const v = c.input("v", [2, 7, 1, 4], new Float32Array(56).fill(0.75));
    const [q, k] = [c.input("q", [2, 5, 2, 4], noise(1, 80, 9)), c.input("k", [2, 7, 1, 4], noise(2, 56, 9))];
    return { y: c.graph.attention(q, k, v, { causal: true, start: c.integers("start", [2], [0, 2]) }) };
  });
  compareNumbers(y, new Float32Array(80).fill(0.75), { place: "y", tolerance: 1e-6 });
});

Deno.test("attention() ignores keys that are not kept and keys past the visible ones exactly", async () => {
  const outputs = await Promise.all([0, 1e6].map((junk) =>
    run((c) => {
      const hide = (numbers: Float32Array) => numbers.fill(junk, 2 * 4, 3 * 4).fill(junk, 5 * 4);
      const [k, v] = ["k", "v"].map((name) => c.input(name, [1, 7, 1, 4], hide(noise(name, 28))));
      const [start, keep] = [c.integers("start", [1], [3]), c.integers("keep", [1, 7], [1, 1, 0, 1, 1, 1, 1])];
      return { y: c.graph.attention(c.input("q", [1, 2, 1, 4]), k!, v!, { causal: true, start, keep }) };
    })
  ));
  assertEquals(outputs[0], outputs[1]);
});

Deno.test("rope() keeps the length of every pair and makes q·k a function of distance, within 1e-5", async () => {
  const [P, C] = [40, 12];
  const angles = Array.from({ length: P * C / 2 }, (_, i) => Math.floor(i / (C / 2)) * 30 ** (-(i % (C / 2)) / 6));
  const [q, k] = [noise(1, C), noise(2, C)];
  const turn = (x: Float32Array, position: number) =>
    run((c) => {
      const [cos, sin] = [Math.cos, Math.sin].map((f) => c.parameter(f.name, [P, C / 2], angles.map(f)));
      const start = c.integers("start", [1], [position]);
      return { y: c.graph.rope(c.input("x", [1, 1, 1, C], x), cos!, sin!, { start }) };
    }).then(({ y }) => y!);
  const products = [];
  for (const position of [0, 7, 30]) {
    const [a, b] = [await turn(q, position), await turn(k, position + 5)];
    products.push(sum(a.map((value, i) => value * b[i]!)));
    for (let i = 0; i < C / 2; i++) {
      assertAlmostEquals(Math.hypot(a[i]!, a[i + C / 2]!), Math.hypot(q[i]!, q[i + C / 2]!), 1e-5);
    }
  }
  assertAlmostEquals(products[1]!, products[0]!, 1e-5);
  assertAlmostEquals(products[2]!, products[0]!, 1e-5);
});

Deno.test("rmsNorm() and layerNorm() give rows of mean square one, and mean zero, within 1e-5", async () => {
  const { rms, layer } = await run((c) => {
    const x = c.input("x", [3, 67], noise(1, 201, 5));
    const ones = c.parameter("ones", [67], new Float32Array(67).fill(1));
    const zeros = c.parameter("zeros", [67], new Float32Array(67));
    return { rms: c.graph.rmsNorm(x, ones, 1e-9), layer: c.graph.layerNorm(x, ones, zeros, 1e-9) };
  });
  for (const row of [...rowsOf(rms!, 67), ...rowsOf(layer!, 67)]) {
    assertAlmostEquals(sum(row.map((value) => value ** 2)) / 67, 1, 1e-5);
  }
  for (const row of rowsOf(layer!, 67)) assertAlmostEquals(sum(row) / 67, 0, 1e-5);
});

Deno.test("crossEntropy() is the negative logarithm of a softmax's score within 1e-5", async () => {
  const answers = [4, 0, 12, 7, 7];
  const { loss, scores } = await run((c) => {
    const [hidden, w] = [c.input("hidden", [5, 9]), c.matrix("w", [13, 9])];
    const { scores } = c.graph.route(c.graph.linear(hidden, w), { k: 1, normalise: false });
    return { loss: c.graph.crossEntropy(hidden, w, c.integers("target", [5], answers)), scores };
  });
  rowsOf(scores!, 13).forEach((row, m) => {
    assertAlmostEquals(sum(row), 1, 1e-6);
    assertAlmostEquals(loss![m]!, -Math.log(row[answers[m]!]!), 1e-5);
  });
});

Deno.test("combine() of the rows that gatherRows() copies gives x back for weights that sum to one, within 1e-6", async () => {
  const { x, y, order, weight } = await run((c) => {
    const x = c.input("x", [33, 7]);
    const { weight, expert } = c.graph.route(c.input("logits", [33, 9]), { k: 4, normalise: true });
    const { order } = c.graph.dispatch(expert, 9);
    return { x, weight, order, y: c.graph.combine(c.graph.gatherRows(x, order), order, weight) };
  });
  for (const row of rowsOf(weight!, 4)) assertAlmostEquals(sum(row), 1, 1e-6);
  assertEquals(order!.toSorted(), Int32Array.from(Array(132).keys()));
  compareNumbers(y, x!, { place: "y", tolerance: 1e-6 });
});

Deno.test("groupedLinear() with the same weight for every expert equals linear() exactly", async () => {
  const { grouped, plain } = await run((c) => {
    const [x, w] = [c.input("x", [11, 5]), c.matrix("w", [3, 5])];
    const offsets = c.integers("offsets", [5], [0, 0, 4, 10, 11]);
    return { grouped: c.graph.groupedLinear(x, offsets, [w, w, w, w]), plain: c.graph.linear(x, w) };
  });
  assertEquals(grouped, plain);
});

Deno.test("balanceLoss() of even choices and even scores is factor · k / E within 1e-6", async () => {
  const { y } = await run((c) => {
    const scores = c.input("scores", [2, 6, 3], new Float32Array(36).fill(1 / 3));
    const expert = c.integers("expert", [2, 6, 2], Array.from({ length: 24 }, (_, i) => i % 3));
    return { y: c.graph.balanceLoss(scores, expert, { factor: 0.3, perRow: true }) };
  });
  assertAlmostEquals(y![0]!, 0.3 * 2 / 3, 1e-6);
});

Deno.test("sample() draws ids as often as their probabilities say, within 0.02 over 4000 draws", async () => {
  const runs = 4000;
  const { seen } = await run((c) => {
    const logits = c.input("logits", [2, 3], [0, Math.log(2), Math.log(5), 0, 0, Math.log(2)]);
    const settings = c.input("settings", [2, 5], Array(2).fill([...samplingSettings({ temperature: 1 })]).flat());
    const [id, seen] = [c.counter("id", [2], [0, 0]), c.counter("seen", [2, 3], new Int32Array(6))];
    c.graph.sample(logits, settings, { id, seen, random: c.counter("random", [2, 2], [1, 0, 2, 0]) });
    return { seen };
  }, runs);
  const expected = [1 / 8, 2 / 8, 5 / 8, 1 / 4, 1 / 4, 1 / 2];
  expected.forEach((share, i) => assertAlmostEquals(seen![i]! / 2 / runs, share, 0.02));
});

Deno.test("sample() gives a distribution that sums to one and an id that is possible, whatever the filters", async () => {
  for (let trial = 0; trial < 20; trial++) {
    const [topK, topP, minP] = [trial % 7, 1 - trial / 25, trial % 3 / 10];
    const { id, probabilities } = await run((c) => {
      const settings = samplingSettings({ temperature: 0.5 + trial / 10, topK, topP, minP, repetitionPenalty: 1.3 });
      const [id, seen] = [
        c.counter("id", [1], [0]),
        c.counter("seen", [1, 67], wholeNumbers(trial, { count: 67, end: 3 })),
      ];
      const random = c.counter("random", [1, 2], [trial, 5]);
      const logits = c.input("logits", [1, 67], noise(trial, 67, 6));
      return { id, probabilities: c.graph.sample(logits, c.input("settings", [1, 5], settings), { id, seen, random }) };
    });
    assertAlmostEquals(sum(probabilities!), 1, 1e-5);
    assert(probabilities![id![0]!]! > 0, `trial ${trial}`);
    if (topK > 0) assert(probabilities!.filter((probability) => probability > 0).length <= topK, `trial ${trial}`);
  }
});
