import { assert, assertAlmostEquals, assertEquals, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { Backend, Storages } from "../../core/backend.ts";
import { ConfigError, WeightError } from "../../core/errors.ts";
import { Graph, planGraph } from "../../core/graph/mod.ts";
import { adaptModel, linearLayers, loraNames } from "../../core/lora.ts";
import { forward, type VisionLanguageModel } from "../../core/model.ts";
import { bindModel, planParameters } from "../../core/model_plans.ts";
import { allocateMissing, type TensorSource } from "../../core/weights.ts";
import type { LoraAdapter } from "../../data/lora_file.ts";
import { mergeLora } from "../../data/lora_merge.ts";
import { chooseLoraLayers, defaultLoraLayers, LoraTraining } from "../../trainers/lora.ts";
import { TrainStep } from "../../trainers/train_step.ts";
import { CaseGraph } from "../conformance/case.ts";
import { largestDifference, seededValues, seededWeight } from "./seeded_run.ts";
import { bitsOf, seededBatch, seededWeights, sizes, tinyModel } from "./tiny_training.ts";

const q = "model.layers.0.self_attn.q_proj";
const down = "model.layers.2.mlp.down_proj";
const projector = "vision_proj.mlp.1";

/** An adapter of noise for some layers. */
function noisyAdapter(
  model: VisionLanguageModel,
  { rank = 3, alpha = 6, layers = [q, down, projector] } = {},
): LoraAdapter {
  const weights = linearLayers(model);
  const noise = (name: string, shape: readonly [number, number]) => ({
    shape,
    toFloat32: () => seededValues(name, shape[0] * shape[1], 0.5),
  });
  return {
    rank,
    alpha,
    layers: new Map(layers.map((layer) => {
      const [out, width] = weights.get(layer)!.shape as readonly [number, number];
      const { a, b } = loraNames(layer);
      return [layer, { a: noise(a, [rank, width]), b: noise(b, [out, rank]) }];
    })),
  };
}

/** Logits `[1,5,V]` of two embeddings of an image and three ids. */
async function logitsOf(backend: Backend, model: VisionLanguageModel, weights: Storages): Promise<Float32Array> {
  const graph = new Graph();
  const images = model.projector.project(graph, graph.input("features", "f32", [1, 2, 6]));
  const ids = graph.input("ids", "i32", [1, 5]);
  const index = graph.input("index", "i32", [1, 5]);
  const hidden = graph.splice(model.decoder.embed(graph, ids), graph.reshape(images, [2, model.decoder.width]), index);
  graph.output("logits", forward(graph, model, { hidden }).logits);
  const plan = planGraph(graph);
  const storages = new Map(weights);
  allocateMissing(backend, plan, storages);
  using program = backend.load(plan, storages);
  program.write("features", seededValues("features", 12));
  program.write("ids", Int32Array.of(4, 1, 1, 7, 9));
  program.write("index", Int32Array.of(-1, 0, 1, -1, -1));
  program.run();
  return Float32Array.from(await program.read("logits"));
}

function seededSource(model: VisionLanguageModel): TensorSource {
  const parameters = [...planParameters(model).storages.values()].filter(({ role }) => role === "parameter");
  return new Map(parameters.map((tensor) => [tensor.name, {
    shape: tensor.shape,
    toFloat32: () => seededWeight(tensor),
  }]));
}

Deno.test("Graph.adapt() hands the result of a named linear layer on and leaves all others", async () => {
  const c = new CaseGraph();
  const { graph } = c;
  const narrow = c.matrix("A", [1, 2], [1, -1]);
  const wide = c.matrix("B", [3, 1], [1, 2, 3]);
  graph.adapt(
    new Map([["W", (graph, x, y) => graph.add(y, graph.linear(graph.scale(graph.linear(x, narrow), 0.5), wide))]]),
  );
  const x = c.input("x", [1, 2], [5, 1]);
  graph.output(
    "adapted",
    graph.linear(x, c.matrix("W", [3, 2], [1, 0, 0, 1, 1, 1]), c.parameter("bias", [3], [10, 20, 30])),
  );
  graph.output("plain", graph.linear(x, c.matrix("other", [1, 2], [1, 1])));
  const backend = createReferenceBackend();
  const storages = new Map([...planGraph(graph).storages].map(([name, tensor]) => {
    const storage = backend.alloc(tensor);
    backend.write(storage, c.values.get(name)!);
    return [name, storage];
  }));
  using program = backend.load(planGraph(graph), storages);
  program.write("x", c.values.get("x")!);
  program.run();
  assertEquals(await program.read("adapted"), Float32Array.of(15 + 2, 21 + 4, 36 + 6));
  assertEquals(await program.read("plain"), Float32Array.of(6));
});

for (const [label, options] of [["dense", {}], ["sparse", { generation: 2, use_moe: true }]] as const) {
  for (
    const [name, create] of [["reference", createReferenceBackend], [
      "wasm",
      () => createWasmBackend({ threads: 2 }),
    ]] as const
  ) {
    Deno.test(`a ${label} model gives the same logits adapted and merged on ${name} within 1e-5`, async () => {
      await using backend: Backend = await create();
      const model = tinyModel(options);
      const layers = chooseLoraLayers(model, ["*"]);
      const adapters = [
        noisyAdapter(model, { rank: 3, alpha: 6, layers }),
        noisyAdapter(model, { rank: 2, alpha: 1, layers: [q] }),
      ] as const;
      const base = seededSource(model);
      const weights = bindModel(backend, model, { sources: [base] });
      const plain = await logitsOf(backend, model, weights);
      using adapted = new LoraTraining(backend, { model, weights, start: adapters[0] });
      const expected = await logitsOf(backend, adapted.model, adapted.weights);
      assert(largestDifference(plain, expected) > 0.1);
      const merged = bindModel(backend, model, { sources: [mergeLora(base, [{ adapter: adapters[0] }])] });
      const difference = largestDifference(await logitsOf(backend, model, merged), expected);
      assert(difference <= 1e-5, `off by ${difference}`);
      assertEquals(await logitsOf(backend, model, weights), plain); // the base was not touched

      const [one, two] = await Promise.all([[0.5], [0.25, 0.25]].map(async (scales) => {
        const parts = scales.map((scale) => ({ adapter: adapters[0], scale }));
        const sources = [mergeLora(base, [...parts, { adapter: adapters[1] }])];
        return await logitsOf(backend, model, bindModel(backend, model, { sources }));
      }));
      assert(largestDifference(one!, two!) <= 1e-5);
      assert(largestDifference(one!, expected) > 0.01);
      const none = mergeLora(base, [{ adapter: adapters[0], scale: 0 }]);
      assertEquals(await logitsOf(backend, model, bindModel(backend, model, { sources: [none] })), plain);
    });
  }
}

Deno.test("mergeLora() computes W + scale·(alpha / rank)·B·A of small numbers exactly and leaves the file's alone", () => {
  const numbers = (shape: readonly number[], ...values: number[]) => {
    const own = Float32Array.from(values);
    return { shape, dtype: "F16" as const, toFloat32: () => own };
  };
  const weight = numbers([2, 3], 1, 2, 3, 4, 5, 6);
  const layer = { a: numbers([2, 3], 1, 0, 2, 0, 1, 0), b: numbers([2, 2], 1, 2, 3, 4) };
  const adapter = { rank: 2, alpha: 4, layers: new Map([["x", layer], ["absent", layer]]) };
  const merged = mergeLora(new Map([["x.weight", weight], ["y.weight", weight]]), [{ adapter, scale: 0.5 }]);
  assertEquals([...merged.keys()], ["x.weight", "y.weight"]);
  assertEquals(merged.get("x.weight")!.toFloat32(), Float32Array.of(2, 4, 5, 7, 9, 12));
  assertEquals(merged.get("x.weight")!.dtype, "F16");
  assertEquals(merged.get("y.weight"), weight);
  assertEquals(weight.toFloat32(), Float32Array.of(1, 2, 3, 4, 5, 6));
});

Deno.test("chooseLoraLayers() takes q, k, v, o, gate, up and down by default, upstream's square ones, or patterns", () => {
  const model = tinyModel();
  const short = (layers: string[]) => layers.map((layer) => layer.replace("model.layers.", "")).slice(0, 7);
  const all = chooseLoraLayers(model, defaultLoraLayers);
  assertEquals(short(all), [
    ...["q", "k", "v", "o"].map((name) => `0.self_attn.${name}_proj`),
    ...["gate", "up", "down"].map((name) => `0.mlp.${name}_proj`),
  ]);
  assertEquals(all.length, 21);
  const square = ["0.self_attn.q_proj", "0.self_attn.o_proj", "1.self_attn.q_proj"];
  assertEquals(short(chooseLoraLayers(model, ["square"])).filter((name) => /^\d/.test(name)).slice(0, 3), square);
  assertEquals(chooseLoraLayers(model, ["vision_proj.*", "*.2.mlp.down_proj"]), [projector, "vision_proj.mlp.3", down]);
  assertThrows(() => chooseLoraLayers(model, ["*_proj", "nobody"]), ConfigError, '"nobody": no linear layer has such');
});

Deno.test("chooseLoraLayers() takes router and shared experts of a mixture, and passes the others over", () => {
  const model = tinyModel({ generation: 2, use_moe: true });
  const chosen = chooseLoraLayers(model, ["*.0.mlp.*"]);
  assertEquals(chosen.map((layer) => layer.slice("model.layers.0.mlp.".length)), [
    "gate",
    "shared_experts.0.gate_proj",
    "shared_experts.0.up_proj",
    "shared_experts.0.down_proj",
  ]);
  assertThrows(
    () => chooseLoraLayers(model, ["*.mlp.experts.*"]),
    ConfigError,
    'Cannot adapt "*.mlp.experts.*": the experts of a mixture are computed together',
  );
});

Deno.test("adaptModel() names what cannot be adapted and why", () => {
  const refused = (layer: string, model = tinyModel(), options: { rank?: number; alpha?: number } = {}) =>
    assertThrows(() => adaptModel(model, { rank: 2, alpha: 2, layers: [layer], ...options }), ConfigError).message;
  assertEquals(
    refused("model.layers.9.mlp.up_proj"),
    'Cannot adapt "model.layers.9.mlp.up_proj": projector and decoder have no such linear layer',
  );
  assertEquals(refused("model.norm"), 'Cannot adapt "model.norm": projector and decoder have no such linear layer');
  const head = "it is the head, which is also read by embedding or loss";
  assertEquals(refused("model.embed_tokens"), `Cannot adapt "model.embed_tokens": ${head}`);
  assertEquals(refused("lm_head", tinyModel({ tie_word_embeddings: false })), `Cannot adapt "lm_head": ${head}`);
  const expert = "model.layers.1.mlp.experts.0.up_proj";
  assertEquals(
    refused(expert, tinyModel({ use_moe: true })),
    `Cannot adapt "${expert}": the experts of a mixture are computed together`,
  );
  assertEquals(
    refused(q, adaptModel(tinyModel(), { rank: 1, alpha: 1, layers: [q] })),
    `Cannot adapt "${q}": it is adapted already`,
  );
  assertEquals(refused(q, tinyModel(), { rank: 0 }), 'Cannot adapt "rank": 0 is not a whole number above 0');
  assertEquals(refused(q, tinyModel(), { alpha: Infinity }), 'Cannot adapt "alpha": Infinity is not a finite number');
});

const seeded = { rank: 2, alpha: 4, layers: [q, down, projector], seed: 1 };

Deno.test("LoraTraining starts as upstream does, A normal with 0.02 and B zero, by seed and name", async () => {
  await using backend = createReferenceBackend();
  const model = tinyModel();
  const weights = seededWeights(backend, model);
  const start = { ...seeded, rank: 200 };
  using lora = new LoraTraining(backend, { model, weights, start });
  const { layers, rank, alpha } = await lora.read();
  assertEquals([rank, alpha, [...layers.keys()]], [200, 4, [q, down, projector]]);
  const a = layers.get(down)!.a.toFloat32();
  const mean = a.reduce((sum, x) => sum + x) / a.length;
  assertAlmostEquals(mean, 0, 1e-3);
  assertAlmostEquals(Math.sqrt(a.reduce((sum, x) => sum + (x - mean) ** 2, 0) / a.length), 0.02, 1e-3);
  assertEquals(Math.max(...a.map(Math.abs)) < 0.12, true);
  for (const { b } of layers.values()) assert(b.toFloat32().every((x) => x === 0));
  assertEquals(await logitsOf(backend, lora.model, lora.weights), await logitsOf(backend, model, weights));
  using again = new LoraTraining(backend, { model, weights, start });
  assertEquals((await again.read()).layers.get(down)!.a.toFloat32(), a);
  using other = new LoraTraining(backend, { model, weights, start: { ...start, seed: 2 } });
  assert((await other.read()).layers.get(down)!.a.toFloat32().join() !== a.join());
});

Deno.test("LoraTraining goes on from an adapter, and refuses another model's", async () => {
  await using backend = createReferenceBackend();
  const model = tinyModel();
  const weights = seededWeights(backend, model);
  const start = noisyAdapter(model);
  using lora = new LoraTraining(backend, { model, weights, start });
  const read = await lora.read();
  for (const [layer, { a, b }] of start.layers) {
    assertEquals(read.layers.get(layer)!.a.toFloat32(), a.toFloat32());
    assertEquals(read.layers.get(layer)!.b.toFloat32(), b.toFloat32());
  }
  const wide = tinyModel({ intermediate_size: 32 });
  const message = `Cannot use LoRA "${down}": its matrices are [3, 24] and [16, 3], expected [3, 32] and [16, 3]`;
  const wideWeights = seededWeights(backend, wide);
  assertThrows(() => new LoraTraining(backend, { model: wide, weights: wideWeights, start }), WeightError, message);
});

Deno.test("TrainStep of an adapted model keeps gradients and moments of the adapter alone and the base bit for bit", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const model = tinyModel();
  const weights = seededWeights(backend, model);
  const before = await bitsOf(backend, weights);
  using lora = new LoraTraining(backend, { model, weights, start: seeded });
  using step = new TrainStep(backend, lora.model, { ...lora, sizes });
  const names = [...lora.trainable].sort();
  assertEquals(step.parameters.map(({ name }) => name).sort(), names);
  const states = [...step.plan.storages.values()].filter(({ role }) => role === "state").map(({ name }) => name);
  assertEquals(states.sort(), names.map((name) => `gradient.${name}`));
  assertEquals(step.storage(`mean.${q}.weight`), undefined);
  const kernels = step.plan.calls.map(({ kernel }) => kernel);
  assertEquals(kernels.filter((kernel) => kernel === "linearBackwardWeight").length, names.length);

  const loss = async () => (await step.backward(seededBatch("a"))).total;
  const first = await loss();
  await step.update(1e-2);
  for (let i = 0; i < 30; i++) {
    await loss();
    await step.update(1e-2);
  }
  const last = await loss();
  assert(last < first - 0.5, `${first} became ${last}`);
  assertEquals(await bitsOf(backend, weights), before);
});

Deno.test("TrainStep gives the gradients of A and B that the reference gives on wasm within 1e-5", async () => {
  const model = tinyModel({ generation: 2, use_moe: true });
  const layers = chooseLoraLayers(model, ["*"]);
  const start = noisyAdapter(model, { layers });
  const gradients = async (backend: Backend, recompute = false): Promise<Map<string, Float32Array>> => {
    using lora = new LoraTraining(backend, { model, weights: seededWeights(backend, model), start });
    using step = new TrainStep(backend, lora.model, { ...lora, sizes, recompute });
    await step.backward(seededBatch("a"));
    const read = new Map<string, Float32Array>();
    for (const { name } of step.parameters) {
      read.set(name, Float32Array.from(await backend.read(step.storage(`gradient.${name}`)!)));
    }
    return read;
  };
  await using reference = createReferenceBackend();
  const expected = await gradients(reference);
  assertEquals(expected.size, 2 * layers.length);
  assertEquals(await gradients(reference, true), expected);
  for (const threads of [1, 2]) {
    await using wasm = await createWasmBackend({ threads });
    for (const [name, values] of await gradients(wasm)) {
      assert(expected.get(name)!.some((x) => Math.abs(x) > 1e-4), name);
      const difference = largestDifference(values, expected.get(name)!);
      assert(difference <= 1e-5, `${name} is off by ${difference}`);
    }
  }
});
