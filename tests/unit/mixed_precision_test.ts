/**
 * Training in mixed precision: its loss scale, what becomes of an overflow, and how far its losses are from those in f32.
 *
 * @module
 */
import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { createWebGpuBackend, findAdapter, openDevice, type WebGpuDevice } from "../../backends/webgpu/mod.ts";
import { Graph, planGraph } from "../../core/graph/mod.ts";
import { createMemoryStore } from "../../data/hub/mod.ts";
import { memoryBatches } from "../../trainers/batch_source.ts";
import { CheckpointStore } from "../../trainers/checkpoint_store.ts";
import { train } from "../../trainers/loop.ts";
import { nextScale, startScale } from "../../trainers/loss_scale.ts";
import { parseRunState, startState } from "../../trainers/run_state.ts";
import type { TrainEvent } from "../../trainers/train_events.ts";
import { bitsOf, resumableRun, seededBatch, tinyStep } from "./tiny_training.ts";

const adapter = await findAdapter();
/** So large that no gradient of a tiny model fits f16. */
const tooLarge = { scale: 2 ** 23, updates: 5 };

Deno.test("nextScale() halves after an overflow, at least to 1, and doubles after 2000 updates without one", () => {
  assertEquals(startScale, { scale: 65_536, updates: 0 });
  assertEquals(nextScale({ scale: 1024, updates: 7 }, { applied: false }), { scale: 512, updates: 0 });
  assertEquals(nextScale({ scale: 1, updates: 0 }, { applied: false }), { scale: 1, updates: 0 });
  assertEquals(nextScale({ scale: 1024, updates: 7 }, { applied: true }), { scale: 1024, updates: 8 });
  let scale = startScale;
  for (let i = 0; i < 2000; i++) scale = nextScale(scale, { applied: true });
  assertEquals(scale, { scale: 131_072, updates: 0 });
  assertEquals(nextScale({ scale: 2 ** 24, updates: 1999 }, { applied: true }).scale, 2 ** 24);
});

Deno.test("parseRunState() keeps the loss scale and names the count that is wrong", () => {
  const state = { ...startState, lossScale: { scale: 512, updates: 3 } };
  assertEquals(parseRunState(JSON.parse(JSON.stringify(state))), state);
  assertEquals("lossScale" in parseRunState(startState), false);
  assertThrows(() => parseRunState({ ...state, lossScale: { scale: "x" } }), TypeError, 'its scale is "x"');
});

Deno.test("backward() multiplies every gradient by its seed and leaves the seed as it is", async () => {
  const backend = createReferenceBackend();
  const graph = new Graph();
  const x = graph.parameter("x", [1]), seed = graph.input("seed", "f32", [1]);
  graph.backward(graph.add(graph.scale(x, 3), x), () => true, { seed });
  const plan = planGraph(graph);
  const storages = new Map([...plan.storages].map(([name, tensor]) => [name, backend.alloc(tensor)]));
  using program = backend.load(plan, storages);
  program.write("seed", Float32Array.of(8));
  for (const expected of [32, 64]) {
    program.run();
    assertEquals([...await backend.read(storages.get("gradient.x")!)], [expected]);
  }
});

Deno.test("TrainStep refuses mixed precision where the backend has no f16, and a scale where there is none", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const message = 'Cannot load "plan": its products are in f16, and backend "wasm" has none here';
  assertThrows(() => tinyStep(backend, { precision: "f16" }), TypeError, message);
  const plan = planGraph(new Graph(), { products: "f16" });
  assertThrows(() => backend.load(plan, new Map()), TypeError, message);
  using step = tinyStep(backend).step;
  assertEquals(step.lossScale, undefined);
  assertThrows(() => step.lossScale = startScale, TypeError, "Cannot set the loss scale: the step trains in f32");
});

if (typeof adapter === "string" || !adapter.features.has("shader-f16")) {
  console.log("webgpu: most tests of this file do not run, for there is no adapter with shader-f16");
} else {
  let device: WebGpuDevice | undefined;
  Deno.test.afterAll(() => device?.[Symbol.dispose]());
  const makeBackend = async () => await createWebGpuBackend({ device: device ??= await openDevice() });
  const three = ["a", "b", "c"].map((name) => seededBatch(name));

  Deno.test("mixed precision learns as f32 does: each of 50 losses within 0.5% of f32's", async () => {
    await using backend = await makeBackend();
    const losses = async (precision: "f32" | "f16") => {
      using step = tinyStep(backend, { precision }).step;
      if (precision === "f16") step.lossScale = { scale: 1024, updates: 0 }; // so that none is left out
      const all: number[] = [];
      for (let i = 0; i < 50; i++) {
        all.push((await step.backward(three[i % 3]!)).total);
        assert((await step.update(1e-3)).applied);
      }
      return all;
    };
    const [full, mixed] = [await losses("f32"), await losses("f16")];
    assert(full.at(-1)! < full[0]! / 2, `${full[0]} to ${full.at(-1)}`);
    const far = Math.max(...full.map((loss, i) => Math.abs(mixed[i]! - loss) / loss));
    assert(far > 0 && far <= 5e-3, `${far}`);
  });

  Deno.test("an update with a loss scale that is too large changes no weight and no moment, and halves the scale", async () => {
    await using backend = await makeBackend();
    const { step, weights } = tinyStep(backend, { precision: "f16" });
    using _ = step;
    step.lossScale = tooLarge;
    const moments = new Map(
      step.parameters.flatMap(({ name }) =>
        ["mean", "variance"].map((kind) => [`${kind}.${name}`, step.storage(`${kind}.${name}`)!] as const)
      ),
    );
    const before = await bitsOf(backend, new Map([...weights, ...moments]));
    await step.backward(three[0]!);
    const { applied, lossScale } = await step.update(1e-2);
    assertEquals({ applied, lossScale }, { applied: false, lossScale: 2 ** 23 });
    assertEquals(step.lossScale, { scale: 2 ** 22, updates: 0 });
    assertEquals(step.updates, 0);
    assertEquals(await bitsOf(backend, new Map([...weights, ...moments])), before);
  });

  Deno.test("the norm and the update do not depend on the loss scale within 1%", async () => {
    await using backend = await makeBackend();
    const outcomes: { norm: number; weight: ArrayLike<number> }[] = [];
    for (const scale of [256, 8192]) {
      const { step, weights } = tinyStep(backend, { precision: "f16" });
      using _ = step;
      step.lossScale = { scale, updates: 0 };
      await step.backward(three[0]!);
      const { norm } = await step.update(1e-3);
      outcomes.push({ norm, weight: await backend.read(weights.get("model.layers.0.self_attn.q_proj.weight")!) });
    }
    const [a, b] = [outcomes[0]!, outcomes[1]!];
    assert(Math.abs(a.norm - b.norm) <= 0.01 * a.norm, `${a.norm} and ${b.norm}`);
    const far = Math.max(...Array.from(a.weight, (value, i) => Math.abs(value - b.weight[i]!)));
    assert(far <= 1e-4, `${far}`);
  });

  Deno.test("train() tells the scale of every update, and goes on with half of one that is too large", async () => {
    await using backend = await makeBackend();
    using step = tinyStep(backend, { precision: "f16" }).step;
    step.lossScale = tooLarge;
    const events: TrainEvent[] = [];
    const schedule = () => 1e-3;
    const batches = memoryBatches(three);
    for await (const event of train({ step, backend, batches, schedule, epochs: 4 })) events.push(event);
    const skips = events.filter((event) => event.type === "skip");
    const steps = events.filter((event) => event.type === "step");
    assert(skips.length > 0 && steps.length > 0);
    assertEquals(skips[0], {
      type: "skip",
      cursor: { epoch: 0, batch: 0 },
      lossScale: 2 ** 22,
      batches: 1,
      skipped: 1,
    });
    let scale = tooLarge.scale;
    for (const event of events) {
      if (event.type === "skip") assertEquals(event.lossScale, scale /= 2);
      if (event.type === "step") assertEquals(event.lossScale, scale);
    }
    const last = events.at(-1)!;
    assert(last.type === "finish");
    assertEquals(last.state.skipped, skips.length);
    assertEquals(last.state.updates, steps.length);
    assertEquals(last.state.lossScale!.scale, scale);
  });

  Deno.test("a run in mixed precision that is saved and goes on equals one that did not end, bit for bit", async () => {
    const options = { makeBackend, precision: "f16", lossScale: { scale: 2 ** 20, updates: 0 } } as const;
    const store = createMemoryStore(), other = createMemoryStore();
    const whole = await resumableRun(other, { ...options, saveEvery: 100 });
    const half = await resumableRun(store, { ...options, updates: 4 });
    assert([...half].some(([name, bits]) => whole.get(name) !== bits));
    assertEquals(await resumableRun(store, options), whole);
    const states = await Promise.all(
      [store, other].map(async (each) => (await new CheckpointStore(each).load())!.state),
    );
    assertEquals(states[0], states[1]);
    assert(states[0]!.skipped > 0 && states[0]!.updates > 0);
    await assertRejects(() => resumableRun(store, { makeBackend }), TypeError, "Cannot set the loss scale");
  });
}
