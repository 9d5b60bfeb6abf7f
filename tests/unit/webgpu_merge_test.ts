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

if (typeof adapter === "string") {
  console.log(`webgpu: no test of this file runs, for ${adapter}`);
} else {
  const compare = async (plan: Plan, runs = 1) => {
    using device = await openDevice();
    await using plain = await createWebGpuBackend({ device, rewrite: false });
    await using backend = await createWebGpuBackend({ device });
    const expected = await outcome(plain, plan, runs), got = await outcome(backend, plan, runs);
    assert(expected.numbers.every(Number.isFinite));
    assertEquals(got.numbers, expected.numbers);
    return { before: expected.dispatches, after: got.dispatches };
  };

  Deno.test("a decoding step's projections, norms, positions and caches are merged and give the same bits", async () => {
    const { before, after } = await compare(projections(1), 3);
    assertEquals([before, after], [15, 9]);
  });

  Deno.test("projections of several tokens are merged and give the same bits", async () => {
    const { before, after } = await compare(projections(5), 2);
    assertEquals([before, after], [15, 10]);
  });

  Deno.test("AdamW over 12 parameters takes a few dispatches instead of one a parameter, and gives the same bits", async () => {
    const { before, after } = await compare(optimiser(), 3);
    assertEquals([before, after], [39, 19]);
  });

  Deno.test("experts of a mixture are merged, forward and backward, and give the same bits", async () => {
    const { before, after } = await compare(experts());
    assertEquals([before, after], [61, 28]);
  });
}
