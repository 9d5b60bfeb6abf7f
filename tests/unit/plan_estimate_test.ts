import { assert, assertAlmostEquals, assertEquals } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { estimateSeconds } from "../../cli/plan/estimate.ts";
import { planModel } from "../../cli/plan/model_plan.ts";
import { probeMachine } from "../../cli/plan/probe.ts";
import { Graph, planGraph } from "../../core/graph/mod.ts";
import { buildModel, createRegistry } from "../../plugins/mod.ts";
import { randomModelConfig } from "../../sdk/random_model.ts";

const speed = {
  backend: "wasm",
  threads: 1,
  matrixFlops: 1e9,
  attentionFlops: 5e8,
  weightBytes: 1e9,
  callSeconds: 1e-6,
};

/** A plan of one call. */
function plan(build: (graph: Graph) => void) {
  const graph = new Graph();
  build(graph);
  return planGraph(graph);
}

Deno.test("estimateSeconds() takes the longer of computing and of reading weights, within 1e-9", () => {
  const linear = (rows: number) =>
    plan((graph) => graph.linear(graph.input("x", "f32", [rows, 64]), graph.matrix("w", [128, 64])));
  // One row: 32 KiB of weights at 1 GB/s; a hundred: two operations each at 1 GFLOP/s.
  assertAlmostEquals(estimateSeconds(linear(1), speed), 128 * 64 * 4 / 1e9 + 1e-6, 1e-9);
  assertAlmostEquals(estimateSeconds(linear(100), speed), 2 * 100 * 64 * 128 / 1e9 + 1e-6, 1e-9);
});

Deno.test("estimateSeconds() counts only the experts that some row goes to, within 1e-9", () => {
  const grouped = (rows: number) =>
    plan((graph) => {
      const weights = [0, 1, 2, 3].map((i) => graph.matrix(`w.${i}`, [32, 16]));
      graph.groupedLinear(graph.input("x", "f32", [rows, 16]), graph.input("offsets", "i32", [5]), weights);
    });
  assertAlmostEquals(estimateSeconds(grouped(1), speed), 32 * 16 * 4 / 1e9 + 1e-6, 1e-9);
  assertAlmostEquals(estimateSeconds(grouped(2), speed), 2 * 32 * 16 * 4 / 1e9 + 1e-6, 1e-9);
});

Deno.test("probeMachine() measures a backend, however slow it is, and leaves no storage behind", async () => {
  const backend = createReferenceBackend();
  const kept = new Set<unknown>();
  const { alloc, free } = backend;
  backend.alloc = (spec) => {
    const storage = alloc.call(backend, spec);
    kept.add(storage);
    return storage;
  };
  backend.free = (storage) => {
    kept.delete(storage);
    free.call(backend, storage);
  };
  const { backend: name, ...measured } = await probeMachine(backend);
  assertEquals(name, "reference");
  assert(Object.values(measured).every((number) => Number.isFinite(number) && number > 0));
  assertEquals([measured.threads, kept.size], [1, 0]);
});

Deno.test("planModel() counts parameters, cache and arena of a model for a prompt and its context", async () => {
  const { model } = await buildModel(randomModelConfig, {
    registry: createRegistry(),
    base: import.meta.url,
    context: { readFile: () => Promise.reject(new Error("nothing is read")), notice() {} },
    tokenId: () => 0,
  });
  const { parts, context, cacheBytes, programs, arenaBytes } = planModel({ model, config: { context: 100 } }, {
    promptTokens: 40,
  });
  assertEquals(parts.map(({ parameters }) => parameters), [80_512, 4160, 115_328]);
  // Keys and values of two layers, two heads of 16 each, at 100 positions.
  assertEquals([context, cacheBytes], [100, 2 * 2 * 100 * 2 * 16 * 4]);
  assertEquals(programs.prefill!.inputs.get("ids")!.shape, [1, 40]);
  assert(arenaBytes.prefill! > arenaBytes.decode!);
});
