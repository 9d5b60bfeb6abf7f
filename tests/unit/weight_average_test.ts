import { assert, assertEquals, assertNotEquals, assertRejects, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { Backend } from "../../core/backend.ts";
import { WeightError } from "../../core/errors.ts";
import { createMemoryStore } from "../../data/hub/mod.ts";
import { memoryBatches } from "../../trainers/batch_source.ts";
import { Evaluation } from "../../trainers/evaluation.ts";
import { compareNumbers } from "../conformance/check_backend.ts";
import { bitsOf, resumableRun, seededBatch, sizes, tinyStep } from "./tiny_training.ts";

for (const make of [createReferenceBackend, () => createWasmBackend({ threads: 1 })]) {
  Deno.test("TrainStep with a moving average has what the formula gives after each update within 1e-6", async () => {
    await using backend: Backend = await make();
    const { step, weights } = tinyStep(backend, { ema: 0.75, policy: ["vision_proj.*", "model.layers.2.*"] });
    const plain = tinyStep(backend, { policy: ["vision_proj.*", "model.layers.2.*"] });
    using _ = step, _plain = plain.step;
    const expected = new Map<string, Float32Array>();
    for (const { name } of step.parameters) {
      assertEquals(await backend.read(step.result.get(name)!), await backend.read(weights.get(name)!));
    }
    for (const [update, name] of ["a", "b", "c"].entries()) {
      for (const each of [step, plain.step]) {
        await each.backward(seededBatch(name));
        await each.update(1e-2);
      }
      for (const { name } of step.parameters) {
        const now = Float32Array.from(await backend.read(weights.get(name)!));
        const before = update === 0 ? now : expected.get(name)!;
        expected.set(name, now.map((value, i) => 0.75 * before[i]! + 0.25 * value));
        const average = await backend.read(step.result.get(name)!);
        compareNumbers(average, expected.get(name)!, { place: name, tolerance: 1e-6 });
      }
    }
    // The weights learn as without an average, and what is frozen is the model's own.
    assertEquals(await bitsOf(backend, weights), await bitsOf(backend, plain.weights));
    assertEquals(step.result.size, weights.size);
    assertEquals(step.result.get("model.norm.weight"), weights.get("model.norm.weight"));
    assertEquals(plain.step.result, plain.weights);
  });
}

Deno.test("TrainStep leaves the average alone where an update is left out, and allocates nothing after the first step", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const { step } = tinyStep(backend, { ema: 0.9 });
  using _ = step;
  const good = seededBatch("a"), bad = { ...good, images: good.images!.map(() => NaN) };
  await step.backward(good);
  await step.update(1e-2);
  const used = backend.usedBytes;
  const before = await bitsOf(backend, step.result);
  await step.backward(bad);
  assertEquals((await step.update(1e-2)).applied, false);
  assertEquals(await bitsOf(backend, step.result), before);
  await step.backward(good);
  await step.update(1e-2);
  assertNotEquals(await bitsOf(backend, step.result), before);
  assertEquals(backend.usedBytes, used);
});

Deno.test("Evaluation of a step's result tests the average", async () => {
  await using backend = createReferenceBackend();
  const { step, weights, model } = tinyStep(backend, { ema: 0.9 });
  using _ = step;
  const batch = seededBatch("a");
  const options = { sizes, imageInput: step.imageInput };
  using latest = new Evaluation(backend, model, { weights, ...options });
  using averaged = new Evaluation(backend, model, { weights: step.result, ...options });
  const losses: [latest: number, averaged: number][] = [];
  for (let i = 0; i < 4; i++) {
    await step.backward(batch);
    await step.update(1e-2);
    losses.push([await latest.loss(batch), (await averaged.validate(memoryBatches([batch]))).loss]);
  }
  assertEquals(losses[0]![0], losses[0]![1]); // the first weights are copied
  assert(losses[3]![0] < losses[3]![1] && losses[3]![1] < losses[0]![1], losses.join(" "));
});

Deno.test("a run with an average resumes bit for bit, and refuses a checkpoint without one", async () => {
  const whole = await resumableRun(createMemoryStore(), { ema: 0.9, saveEvery: 100 });
  const name = "model.norm.weight";
  assertNotEquals(whole.get(name), whole.get(`result.${name}`));
  const store = createMemoryStore();
  await resumableRun(store, { ema: 0.9, updates: 3 });
  await assertRejects(() => resumableRun(store), WeightError, '"average.');
  assertEquals(await resumableRun(store, { ema: 0.9 }), whole);
});

Deno.test("TrainStep refuses a decay that is not from 0 up to 1", () => {
  const backend = createReferenceBackend();
  for (const ema of [1, -0.1, NaN]) {
    assertThrows(() => tinyStep(backend, { ema }), RangeError, `Cannot average weights with a decay of ${ema}`);
  }
});
