/**
 * Weights in halves on WebGPU: memory, what is refused, and how far a model's logits move.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWebGpuBackend, findAdapter, findFault, type WebGpuBackend } from "../../backends/webgpu/mod.ts";
import type { Backend } from "../../core/backend.ts";
import { createGenerator } from "../../core/generate.ts";
import { Graph, planGraph } from "../../core/graph/mod.ts";
import type { StorageSpec } from "../../core/graph/tensor.ts";
import { bindModel, planParameters } from "../../core/model_plans.ts";
import { allocateMissing, bindWeights } from "../../core/weights.ts";
import { widenFloat16 } from "../../data/half_precision.ts";
import { narrowFloat16 } from "../../data/narrow_floats.ts";
import webgpu from "../../plugins/webgpu.ts";
import { model, weights } from "./tiny_generation.ts";

const adapter = await findAdapter();
const readFile = () => Promise.reject(new Error("no file is needed"));
const spec = (shape: readonly number[], layout: "rows" | "matrix" = "matrix"): StorageSpec => {
  return { name: "w", dtype: "f16", shape, layout };
};

/** Logits of some ids without an image. */
async function logitsOf(backend: Backend): Promise<Float32Array> {
  const graph = new Graph();
  const hidden = model.decoder.embed(graph, graph.input("ids", "i32", [1, 8])); // [B,T,D]
  graph.output("logits", model.decoder.logits(graph, model.decoder.forward(graph, hidden).hidden));
  const plan = planGraph(graph);
  const storages = bindModel(backend, model, { sources: [weights] });
  allocateMissing(backend, plan, storages);
  using program = backend.load(plan, storages);
  program.write("ids", Int32Array.of(3, 1, 4, 5, 2, 6, 5, 3));
  program.run();
  return await program.read("logits") as Float32Array;
}

async function answer(backend: Backend): Promise<number[]> {
  using generator = createGenerator(backend, model, {
    weights: bindModel(backend, model, { sources: [weights] }),
    context: 64,
  });
  return await Array.fromAsync(generator.generate({ ids: [3, 1, 4, 5], maxNewTokens: 12 }));
}

Deno.test("a backend without f16 refuses weights in it", () => {
  const backend = createReferenceBackend();
  assertEquals(backend.capabilities.f16, false);
  assertThrows(() => backend.alloc(spec([2, 2])), TypeError, 'Cannot hold "w"');
});

if (typeof adapter === "string" || !adapter.features.has("shader-f16")) {
  console.log("webgpu: most tests of this file do not run, for there is no adapter with shader-f16");
} else {
  Deno.test("capabilities tell whether there is f16 and what weights are held in", async () => {
    const created = async (options: Parameters<typeof createWebGpuBackend>[0]) => {
      await using backend = await createWebGpuBackend(options);
      const { f16, weights } = backend.capabilities;
      return { f16, weights };
    };
    assertEquals(await created({}), { f16: true, weights: "f32" });
    assertEquals(await created({ weights: "f16" }), { f16: true, weights: "f16" });
    assertEquals(await created({ withoutHalves: "its zeros are ones" }), { f16: false, weights: "f32" });
    const error = await assertRejects(() => created({ weights: "f16", withoutHalves: "its zeros are ones" }), Error);
    assertEquals(error.message, 'Cannot create backend "webgpu" with weights in f16: its zeros are ones');
  });

  Deno.test("findFault() tests f16 by itself, and says what it computes", async () => {
    await using backend = await createWebGpuBackend();
    assertEquals(await findFault(backend, { type: "f16" }), undefined);
    const zeros: Backend = {
      name: "zeros",
      capabilities: backend.capabilities,
      alloc: (spec) => backend.alloc(spec),
      free: (storage) => backend.free(storage),
      write: (storage, data) => {
        if (storage.spec.dtype !== "f16") backend.write(storage, data);
      },
      read: (storage) => backend.read(storage),
      load: (plan, storages) => backend.load(plan, storages),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    };
    assertEquals(await findFault(zeros), undefined);
    assertEquals(await findFault(zeros, { type: "f16" }), "its f16 matrix product gives 0.5 where 20.5 is right");
  });

  Deno.test("the webgpu plugin holds weights as its options say", async () => {
    const context = { readFile, notice: () => {} };
    await using backend = await webgpu.create(webgpu.parseOptions({ weights: "f16" }), context);
    assertEquals(backend.capabilities.weights, "f16");
    assertThrows(() => webgpu.parseOptions({ weights: "f8" }), Error, '"f8"');
  });

  Deno.test("write() rounds to f16 and read() widens, for odd counts too, and what is too large is refused", async () => {
    await using backend = await createWebGpuBackend();
    for (const shape of [[1, 1], [3, 5], [4, 6], [7, 3, 1]]) {
      const storage = backend.alloc(spec(shape));
      const count = shape.reduce((product, extent) => product * extent, 1);
      const data = Float32Array.from({ length: count }, (_, i) => i / 3 - 2);
      backend.write(storage, data);
      assertEquals(await backend.read(storage), widenFloat16(narrowFloat16(data)));
    }
    const storage = backend.alloc(spec([1, 3]));
    const message = 'Cannot write "w" as f16: element 1 is -70000, too large';
    assertThrows(() => backend.write(storage, Float32Array.of(65504, -70000, 1)), RangeError, message);
    assertThrows(() => backend.alloc(spec([4], "rows")), TypeError, 'Cannot allocate "w"');
  });

  Deno.test("bindWeights() keeps a matrix with a number beyond f16 in f32 and says so", async () => {
    await using backend = await createWebGpuBackend({ weights: "f16" });
    const graph = new Graph();
    const x = graph.linear(graph.input("x", "f32", [1, 2]), graph.matrix("large", [3, 2]));
    graph.output("y", graph.linear(x, graph.matrix("small", [1, 3])));
    const notices: string[] = [];
    const source = new Map([
      ["large", { shape: [3, 2], toFloat32: () => Float32Array.of(1, 2, 3, 4, 1e5, 6) }],
      ["small", { shape: [1, 3], toFloat32: () => Float32Array.of(1, 1, 1) }],
    ]);
    const plan = planGraph(graph);
    const storages = bindWeights(backend, [plan], { sources: [source], onNotice: (notice) => notices.push(notice) });
    assertEquals([...storages.values()].map(({ spec }) => spec.dtype), ["f32", "f16"]);
    assertEquals(notices, ['"large" stays in f32: its element 4 is 100000, too large for f16']);
    using program = backend.load(plan, storages);
    program.write("x", Float32Array.of(1, 1));
    program.run();
    assertEquals([...await program.read("y")], [3 + 7 + 100006]);
  });

  Deno.test("load() refuses to train a weight that is held in f16", async () => {
    await using backend = await createWebGpuBackend({ weights: "f16" });
    const graph = new Graph();
    graph.append("sumOfSquares", { x: graph.matrix("w", [2, 2]) }, { y: graph.state("squares", "f32", [1]) }, {});
    const source = new Map([["w", { shape: [2, 2], toFloat32: () => Float32Array.of(1, 2, 3, 4) }]]);
    const plan = planGraph(graph);
    const storages = bindWeights(backend, [plan], { sources: [source] });
    const message = 'Cannot load "w": it is held in f16, which sumOfSquares does not take; hold it in f32';
    assertThrows(() => backend.load(plan, storages), TypeError, message);
  });

  Deno.test("a model with weights in f16 takes half the bytes for its matrices and gives logits within 1% of f32's", async () => {
    await using full = await createWebGpuBackend();
    await using half = await createWebGpuBackend({ weights: "f16" });
    const bytes = (backend: WebGpuBackend) => {
      const storages = bindModel(backend, model, { sources: [weights] });
      const used = backend.storedBytes;
      for (const storage of storages.values()) backend.free(storage);
      return used;
    };
    const matrices = [...planParameters(model).storages.values()].filter(({ layout }) => layout === "matrix");
    const numbers = matrices.reduce((sum, { shape }) => sum + shape.reduce((product, n) => product * n, 1), 0);
    assertEquals(bytes(full) - bytes(half), 2 * numbers);
    const [a, b] = [await logitsOf(full), await logitsOf(half)];
    const scale = Math.max(...a.map(Math.abs));
    const difference = Math.max(...a.map((logit, i) => Math.abs(logit - b[i]!)));
    assert(difference > 0 && difference <= 0.01 * scale, `${difference} of ${scale}`);
    assertEquals(await answer(half), await answer(full));
  });
}
