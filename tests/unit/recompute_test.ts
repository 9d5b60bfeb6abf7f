import { assert, assertEquals } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { Backend, HostData } from "../../core/backend.ts";
import { Graph } from "../../core/graph/graph.ts";
import type { Call, KernelName } from "../../core/graph/kernels.ts";
import { type Plan, planGraph } from "../../core/graph/plan.ts";
import type { Tensor } from "../../core/graph/tensor.ts";
import { createSiglip, parseSiglipOptions } from "../../encoders/siglip.ts";
import { loadCase } from "../conformance/check_backend.ts";
import { type DerivativeCase, frozen } from "./derivative_cases.ts";
import { modelCases } from "./derivative_models.ts";
import { bitsOf, seededBatch, tinyModel, tinyStep } from "./tiny_training.ts";

const trainable = ({ name }: Tensor): boolean => !name.startsWith(frozen);

/** Plan and gradients of a case after one run. */
async function gradientsOf(
  test: DerivativeCase,
  { backend, recompute }: { readonly backend: Backend; readonly recompute: boolean },
): Promise<{ readonly plan: Plan; readonly gradients: ReadonlyMap<string, HostData> }> {
  const { c, loss } = test.build();
  c.graph.backward(loss, trainable, { recompute });
  const states = [...c.graph.named.values()].filter(({ role }) => role === "state");
  for (const { name, shape } of states) c.values.set(name, new Float32Array(shape.reduce((a, b) => a * b)));
  const plan = planGraph(c.graph);
  using loaded = loadCase(plan, { values: c.values, backend });
  loaded.program.run();
  const gradients = new Map<string, HostData>();
  for (const { name } of states) gradients.set(name, await backend.read(loaded.storages.get(name)!));
  return { plan, gradients };
}

for (const test of modelCases) {
  Deno.test(`backward() that recomputes blocks gives the same bits for ${test.label}`, async () => {
    for (const make of [createReferenceBackend, () => createWasmBackend({ threads: 1 })]) {
      await using backend: Backend = await make();
      const kept = await gradientsOf(test, { backend, recompute: false });
      const again = await gradientsOf(test, { backend, recompute: true });
      assertEquals(again.gradients, kept.gradients);
      const blocks = test.build().c.graph.blocks.length;
      assertEquals(again.plan.calls.length > kept.plan.calls.length, blocks > 1);
    }
  });
}

/** Blocks of a norm, a feed-forward part and a sum, and a loss. */
function stack(depth: number): { readonly graph: Graph; readonly loss: Tensor } {
  const graph = new Graph();
  let x = graph.input("x", "f32", [64, 32]);
  for (let i = 0; i < depth; i++) {
    x = graph.block(() => {
      const normed = graph.rmsNorm(x, graph.parameter(`${i}.norm`, [32]), 1e-6);
      const hidden = graph.gelu(graph.linear(normed, graph.matrix(`${i}.up`, [96, 32])), "erf");
      return graph.add(x, graph.linear(hidden, graph.matrix(`${i}.down`, [32, 96])));
    });
  }
  const target = graph.input("target", "i32", [64]);
  return { graph, loss: graph.meanLoss(graph.crossEntropy(x, graph.matrix("head", [40, 32]), target), target) };
}

function backwardOf(depth: number, trains: RegExp, recompute: boolean): { calls: readonly Call[]; arenaBytes: number } {
  const { graph, loss } = stack(depth);
  const before = graph.calls.length;
  graph.backward(loss, ({ name }) => trains.test(name), { recompute });
  return { calls: graph.calls.slice(before), arenaBytes: planGraph(graph).arenaBytes };
}

const count = (calls: readonly Call[], wanted: KernelName) => calls.filter(({ kernel }) => kernel === wanted).length;

Deno.test("backward() that recomputes repeats what is read, in every block but the last", () => {
  const { calls } = backwardOf(4, /./, true);
  // Of the calls of a block norm, first product and activation are read again, and neither the second product nor the sum.
  assertEquals(["rmsNorm", "linear", "gelu", "add"].map((name) => count(calls, name as KernelName)), [3, 3, 3, 0]);
  const frozenNorms = backwardOf(4, /down/, true).calls;
  assertEquals(count(frozenNorms, "gelu"), 3);
});

Deno.test("backward() that recomputes leaves blocks alone through which no gradient goes", () => {
  const { calls } = backwardOf(4, /^2\.|head/, true);
  assertEquals([count(calls, "rmsNorm"), count(calls, "linear")], [1, 1]);
});

Deno.test("backward() that recomputes makes the arena grow by one tensor a block instead of all", () => {
  const growth = (recompute: boolean) => {
    return (backwardOf(24, /./, recompute).arenaBytes - backwardOf(8, /./, recompute).arenaBytes) / 16;
  };
  const x = 64 * 32 * 4;
  assertEquals([growth(false), growth(true)], [x + x + 3 * x + 3 * x, x]);
});

Deno.test("Graph.block() gives what is built, and makes one block of nested ones and none of nothing", () => {
  const graph = new Graph();
  assertEquals(graph.block(() => 5), 5);
  const y = graph.block(() => graph.scale(graph.block(() => graph.fill([2], 1)), 3));
  assertEquals(y.shape, [2]);
  assertEquals(graph.blocks, [{ start: 0, end: 2 }]);
});

Deno.test("TrainStep that recomputes ends with the same bits, in less memory, and allocates nothing after the first step", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const encoder = createSiglip(parseSiglipOptions({
    image_size: 8,
    patch_size: 4,
    hidden_size: 12,
    num_hidden_layers: 5,
    num_attention_heads: 2,
    intermediate_size: 20,
  }));
  const model = tinyModel({ num_hidden_layers: 6, use_moe: true }, encoder);
  const policy = ["decoder", "vision_model.*"];
  const [kept, again] = [false, true].map((recompute) => tinyStep(backend, { policy, model, recompute }));
  using first = kept!.step, second = again!.step;
  assert(second.plan.arenaBytes < 0.5 * first.plan.arenaBytes, `${second.plan.arenaBytes} ${first.plan.arenaBytes}`);
  let used: number | undefined;
  for (const name of ["a", "b", "c"]) {
    for (const step of [first, second]) {
      await step.backward(seededBatch(name, step));
      await step.update(1e-2);
    }
    used ??= backend.usedBytes;
    assertEquals(backend.usedBytes, used);
  }
  assertEquals(await bitsOf(backend, again!.weights), await bitsOf(backend, kept!.weights));
});
