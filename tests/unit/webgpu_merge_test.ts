/**
 * Shorter lists of dispatches on WebGPU: the same numbers as when every kernel runs by itself.
 *
 * @module
 */
import { assert, assertEquals } from "@std/assert";
import { createWebGpuBackend, findAdapter, openDevice, type WebGpuBackend } from "../../backends/webgpu/mod.ts";
import { uniform } from "../../core/sampling.ts";
import { Graph, planGraph } from "../../core/graph/mod.ts";
import type { Plan } from "../../core/graph/plan.ts";
import { elementCount, type Tensor } from "../../core/graph/tensor.ts";
import { planOptimiser } from "../../trainers/optimiser.ts";

const adapter = await findAdapter();

/** What a plan gives on numbers that depend on names only, and how many dispatches a run takes. */
async function outcome(
  backend: WebGpuBackend,
  plan: Plan,
  runs = 1,
): Promise<{ numbers: number[]; dispatches: number }> {
  const noise = ({ name, shape, dtype }: Pick<Tensor, "name" | "shape" | "dtype">) => {
    if (name.startsWith("settings.")) return Float32Array.of(1e-3, 0.9, 0.999, 1e-8, 0.01, 3);
    const least = name.startsWith("variance.") ? 0 : -0.25;
    const seed = [...name].reduce((sum, letter) => 31 * sum + letter.charCodeAt(0) | 0, 7);
    const values = Array.from({ length: elementCount(shape) }, (_, i) => uniform(seed, i) + least);
    return dtype === "i32" ? Int32Array.from(values, () => 2) : Float32Array.from(values);
  };
  const storages = new Map([...plan.storages].map(([name, tensor]) => [name, backend.alloc(tensor)]));
  try {
    for (const storage of storages.values()) backend.write(storage, noise(storage.spec));
    using program = backend.load(plan, storages);
    for (const input of plan.inputs.values()) program.write(input.name, noise(input));
    const before = backend.counts.dispatches;
    for (let run = 0; run < runs; run++) program.run();
    const dispatches = (backend.counts.dispatches - before) / runs;
    const all = [
      ...await Promise.all([...plan.outputs.keys()].map((name) => program.read(name))),
      ...await Promise.all([...storages.values()].map((storage) => backend.read(storage))),
    ];
    return { numbers: all.flatMap((data) => [...data]), dispatches };
  } finally {
    for (const storage of storages.values()) backend.free(storage);
  }
}

/** Projections of odd widths, their norms, positions and caches, and what of one depends on another. */
function projections(T: number): Plan {
  const graph = new Graph();
  const [H, G, C, D] = [4, 2, 8, 20];
  const x = graph.rmsNorm(graph.input("x", "f32", [2, T, D]), graph.parameter("norm", [D]), 1e-5);
  const start = graph.state("start", "i32", [2]);
  const project = (name: string, heads: number, bias: boolean) => {
    const y = graph.linear(
      x,
      graph.matrix(name, [heads * C, D]),
      bias ? graph.parameter(`${name}.bias`, [heads * C]) : undefined,
    );
    return graph.reshape(y, [2, T, heads, C]);
  };
  const [cos, sin] = [
    graph.constant("cos", new Float32Array(64), [16, 4]),
    graph.constant("sin", new Float32Array(64), [16, 4]),
  ];
  const rotate = (y: Tensor) =>
    graph.rope(graph.rmsNorm(y, graph.parameter(`${y.name}.${y.id}.norm`, [C]), 1e-6), cos, sin, { start });
  const q = rotate(project("q", H, false)), k = rotate(project("k", G, false)), v = project("v", G, false);
  const keys = graph.state("keys", "f32", [2, 16, G, C]), values = graph.state("values", "f32", [2, 16, G, C]);
  graph.cacheWrite(keys, k, { start });
  graph.cacheWrite(values, v, { start });
  const y = graph.reshape(graph.attention(q, keys, values, { causal: true, start }), [2, T, H * C]);
  graph.output(
    "y",
    graph.swiglu(graph.linear(y, graph.matrix("gate", [13, H * C])), graph.linear(y, graph.matrix("up", [13, H * C]))),
  );
  graph.advance(start, 1);
  return planGraph(graph);
}

/** AdamW over parameters of odd sizes, in two groups. */
function optimiser(): Plan {
  const graph = new Graph();
  const shapes = [[1], [3], [13, 5], [67, 129], [8], [256, 4], [31], [64, 64], [9973], [2, 2], [300, 100], [5]];
  const parameters = shapes.map((shape, i) =>
    shape.length === 1 ? graph.parameter(`p${i}`, shape) : graph.matrix(`p${i}`, shape)
  );
  return planOptimiser([
    { name: "first", parameters: parameters.slice(0, 7) },
    { name: "second", parameters: parameters.slice(7) },
  ]);
}

/** A mixture of five experts, forward and backward. */
function experts(): Plan {
  const graph = new Graph();
  const [M, E, D, F] = [19, 5, 12, 31];
  const x = graph.input("x", "f32", [M, D]);
  const { weight, expert } = graph.route(graph.linear(x, graph.matrix("router", [E, D])), { k: 2, normalise: true });
  const { order, offsets } = graph.dispatch(expert, E);
  const weights = (name: string, shape: number[]) =>
    Array.from({ length: E }, (_, e) => graph.matrix(`${name}${e}`, shape));
  const sorted = graph.gatherRows(x, order);
  const gate = graph.groupedLinear(sorted, offsets, weights("gate", [F, D]));
  const hidden = graph.swiglu(gate, graph.groupedLinear(sorted, offsets, weights("up", [F, D])));
  const y = graph.combine(graph.groupedLinear(hidden, offsets, weights("down", [D, F])), order, weight);
  const target = graph.input("target", "i32", [M]);
  const loss = graph.meanLoss(graph.squaredError(y, graph.scale(x, 0.5)), target);
  graph.output("loss", loss);
  graph.backward(loss, () => true);
  return planGraph(graph);
}

/** A feed-forward part of `rows` of odd width, its input added, and what may not be fused: values that others read. */
function feedForward(rows: number, D: number): Plan {
  const graph = new Graph();
  const F = 2 * D + 1;
  let x = graph.scale(graph.input("x", "f32", [1, rows, D]), 0.5);
  for (const layer of [0, 1, 2]) {
    const linear = (from: Tensor, name: string, shape: [number, number]) => {
      const bias = name === "down" && layer === 1 ? graph.parameter("bias", [shape[0]]) : undefined;
      return graph.linear(from, graph.matrix(`${name}.${layer}`, shape), bias);
    };
    const normed = graph.rmsNorm(x, graph.parameter(`norm.${layer}`, [D]), 1e-5);
    const hidden = graph.swiglu(linear(normed, "gate", [F, D]), linear(normed, "up", [F, D]));
    const down = linear(hidden, "down", [D, F]);
    x = layer === 1 ? graph.add(down, x) : graph.add(x, down);
    if (layer === 2) {
      graph.output("normed", normed);
      graph.output("down", down);
    }
  }
  graph.output("shifted", graph.add(graph.linear(x, graph.matrix("last", [D, D])), graph.parameter("shift", [D])));
  return planGraph(graph);
}

if (typeof adapter === "string") {
  console.log(`webgpu: no test of this file runs, for ${adapter}`);
} else {
  const compare = async (plan: Plan, { runs = 1, tolerance = 0 }: { runs?: number; tolerance?: number } = {}) => {
    using device = await openDevice();
    await using plain = await createWebGpuBackend({ device, rewrite: false });
    await using backend = await createWebGpuBackend({ device });
    const expected = await outcome(plain, plan, runs), got = await outcome(backend, plan, runs);
    assert(expected.numbers.every(Number.isFinite));
    assertEquals(got.numbers.length, expected.numbers.length);
    expected.numbers.forEach((value, i) => {
      const difference = Math.abs(got.numbers[i]! - value) / Math.max(1, Math.abs(value));
      assert(difference <= tolerance, `${got.numbers[i]} at ${i}, alone ${value}`);
    });
    return { before: expected.dispatches, after: got.dispatches };
  };

  Deno.test("a decoding step's projections, norms, positions and caches are merged, the same numbers within 1e-6", async () => {
    const { before, after } = await compare(projections(1), { runs: 3, tolerance: 1e-6 });
    assertEquals([before, after], [15, 7]);
  });

  Deno.test("projections of several tokens are merged and give the same bits", async () => {
    const { before, after } = await compare(projections(5), { runs: 2 });
    assertEquals([before, after], [15, 10]);
  });

  Deno.test("AdamW over 12 parameters takes a few dispatches instead of one a parameter, and gives the same bits", async () => {
    const { before, after } = await compare(optimiser(), { runs: 3 });
    assertEquals([before, after], [39, 19]);
  });

  Deno.test("experts of a mixture are merged, forward and backward, and give the same bits", async () => {
    const { before, after } = await compare(experts());
    assertEquals([before, after], [61, 28]);
  });

  Deno.test("products of a few rows take in norm, gate and what is added, the same numbers within 1e-5", async () => {
    for (const [rows, D, fewest] of [[1, 20, 10], [4, 16, 11], [3, 13, 11], [2, 31, 11]] as const) {
      const { before, after } = await compare(feedForward(rows, D), { tolerance: 1e-5 });
      assertEquals([before, after], [21, fewest]);
    }
  });

  Deno.test("products of many rows take in what is added and give the same bits", async () => {
    for (const [rows, D] of [[5, 20], [70, 16], [33, 13]] as const) {
      const { before, after } = await compare(feedForward(rows, D));
      assertEquals([before, after], [21, 16]);
    }
  });
}
