/**
 * Training with an encoder that learns: steps take pixels.
 *
 * @module
 */
import { assert, assertAlmostEquals, assertEquals, assertNotEquals } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { Backend } from "../../core/backend.ts";
import type { GraphEncoder } from "../../core/encoder.ts";
import { createMemoryStore } from "../../data/hub/mod.ts";
import { createClip, parseClipOptions } from "../../encoders/clip.ts";
import { createSiglip, parseSiglipOptions } from "../../encoders/siglip.ts";
import { memoryBatches } from "../../trainers/batch_source.ts";
import { Evaluation } from "../../trainers/evaluation.ts";
import { FeatureEncoder } from "../../trainers/feature_encoder.ts";
import type { FreezePolicy } from "../../trainers/freeze.ts";
import { train } from "../../trainers/loop.ts";
import { cosineSchedule } from "../../trainers/schedule.ts";
import { compareNumbers } from "../conformance/check_backend.ts";
import { bitsOf, resumableRun, seededBatch, sizes, tinyModel, tinyStep } from "./tiny_training.ts";

/** Two blocks over four patches of 4 × 4 pixels. */
const vision = {
  image_size: 8,
  patch_size: 4,
  hidden_size: 12,
  num_hidden_layers: 2,
  num_attention_heads: 2,
  intermediate_size: 20,
};
const encoders: readonly GraphEncoder[] = [
  createClip(parseClipOptions(vision)),
  createSiglip(parseSiglipOptions(vision)),
];
const [clip, siglip] = encoders as readonly [GraphEncoder, GraphEncoder];
const everything: FreezePolicy = ["decoder", "vision_model.*"];

function step(backend: Backend, encoder: GraphEncoder, policy: FreezePolicy = everything) {
  return tinyStep(backend, { policy, model: tinyModel({}, encoder) });
}

for (const encoder of encoders) {
  Deno.test(`TrainStep on wasm gives the reference's gradients through ${encoder.name} within 2e-5`, async () => {
    await using wasm = await createWasmBackend({ threads: 1 });
    await using reference = createReferenceBackend();
    const own = step(wasm, encoder), oracle = step(reference, encoder);
    using _ = own.step, _oracle = oracle.step;
    const batch = seededBatch("a", own.step);
    const losses = [await own.step.backward(batch), await oracle.step.backward(batch)];
    assertAlmostEquals(losses[0]!.total, losses[1]!.total, 1e-5);
    assertEquals(own.step.parameters.length, own.weights.size);
    for (const { name } of own.step.parameters) {
      const gradient = `gradient.${name}`;
      const expected = await reference.read(oracle.step.storage(gradient)!);
      // Softmax does not change with a bias of its keys.
      if (!/k_proj.bias/.test(name)) assert(expected.some((slope) => Math.abs(slope) > 1e-5), name);
      compareNumbers(await wasm.read(own.step.storage(gradient)!), expected, { place: gradient, tolerance: 2e-5 });
    }
  });

  Deno.test(`TrainStep takes ${encoder.name}'s pixels to the loss that its features give within 1e-6`, async () => {
    await using backend = createReferenceBackend();
    const pixels = step(backend, encoder), features = step(backend, encoder, "decoder");
    using _ = pixels.step, _features = features.step;
    assertEquals(pixels.step.imageInput, { kind: "pixels", shape: [3, 8, 8], tokens: 4 });
    assertEquals(features.step.imageInput, { kind: "features", shape: [4, 12], tokens: 4 });
    const batch = seededBatch("a", pixels.step);
    using once = new FeatureEncoder(backend, encoder, { weights: features.weights });
    const images: number[] = [];
    for (const half of [0, 1]) images.push(...await once.encode(batch.images!.slice(192 * half, 192 * (half + 1))));
    const losses = [await pixels.step.backward(batch)];
    losses.push(await features.step.backward({ ...batch, images: Float32Array.from(images) }));
    assertAlmostEquals(losses[0]!.total, losses[1]!.total, 1e-6);
    // What is frozen has no gradient.
    assert(!features.step.parameters.some(({ name }) => name.startsWith("vision_model.")));
    assertEquals(features.step.storage("gradient.vision_model.embeddings.patch_embedding.weight"), undefined);
    const last = step(backend, encoder, ["vision_model.encoder.layers.1.*"]);
    using _last = last.step;
    assertEquals(last.step.imageInput.kind, "pixels");
    assertEquals(last.step.parameters.length, 16);
    const full = pixels.step.plan.calls.length;
    assert(last.step.plan.calls.length < full - 20);
  });
}

Deno.test("TrainStep gives the same gradients whether a batch has room for more images or not", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const tight = step(backend, siglip);
  const wide = tinyStep(backend, { policy: everything, model: tight.model, sizes: { ...sizes, images: 5 } });
  using _ = tight.step, _wide = wide.step;
  const batch = seededBatch("a", tight.step);
  assertEquals(await tight.step.backward(batch), await wide.step.backward(batch));
  for (const { name } of tight.step.parameters) {
    const read = ({ step }: typeof tight) => backend.read(step.storage(`gradient.${name}`)!);
    compareNumbers(await read(tight), await read(wide), { place: name, tolerance: 1e-7 });
  }
});

Deno.test("TrainStep with an encoder that learns allocates nothing on the wasm backend after the first step", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const { step: own } = step(backend, clip);
  using _ = own;
  const batch = seededBatch("a", own);
  const learn = async () => {
    await own.backward(batch);
    await own.update(1e-3);
  };
  await learn();
  const used = backend.usedBytes;
  for (let i = 0; i < 10; i++) {
    await learn();
    assertEquals(backend.usedBytes, used);
  }
});

Deno.test("train() moves only the encoder when a pattern unfreezes nothing else, and lowers the loss", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const { step: own, weights } = step(backend, siglip, ["vision_model.*"]);
  using _ = own;
  const before = await bitsOf(backend, weights);
  const batches = memoryBatches([seededBatch("a", own)]);
  const schedule = cosineSchedule({ learningRate: 3e-3, totalSteps: 12 });
  const losses: number[] = [];
  for await (const event of train({ step: own, backend, batches, schedule, epochs: 12 })) {
    if (event.type === "step") losses.push(event.loss);
  }
  assert(losses.at(-1)! < losses[0]! - 0.05, losses.join());
  for (const [name, bits] of await bitsOf(backend, weights)) {
    assertEquals(bits !== before.get(name), name.startsWith("vision_model."), name);
  }
});

Deno.test("Evaluation of pixels gives the loss of features and the same image score within 1e-5", async () => {
  await using backend = createReferenceBackend();
  const { step: own, weights, model } = step(backend, clip);
  using _ = own;
  const frozen = tinyStep(backend, { model });
  using _frozen = frozen.step;
  using once = new FeatureEncoder(backend, clip, { weights });
  const pixels = ["a", "b"].map((name) => seededBatch(name, own));
  const features = await Promise.all(pixels.map(async (batch) => {
    const [first, second] = [0, 1].map((i) => once.encode(batch.images!.slice(192 * i, 192 * (i + 1))));
    return { ...batch, images: Float32Array.of(...await first!, ...await second!) };
  }));
  using direct = new Evaluation(backend, model, { weights, sizes, imageInput: own.imageInput });
  using cached = new Evaluation(backend, model, { weights, sizes, imageInput: frozen.step.imageInput });
  const [a, b] = [
    await direct.validate(memoryBatches(pixels)),
    await cached.validate(memoryBatches(features)),
  ];
  assertAlmostEquals(a.loss, b.loss, 1e-5);
  assertAlmostEquals(a.imageScore!, b.imageScore!, 1e-5);
  assertNotEquals(a.imageScore, 0);
});

Deno.test("a run with an encoder that learns, saved, loaded and gone on with, equals one in a piece bit for bit", async () => {
  const options = { policy: everything, model: tinyModel({}, clip) };
  const whole = await resumableRun(createMemoryStore(), { ...options, saveEvery: 100 });
  const store = createMemoryStore();
  const half = await resumableRun(store, { ...options, updates: 2 });
  const name = "vision_model.embeddings.patch_embedding.weight";
  assertNotEquals(half.get(name), whole.get(name));
  assertEquals(await resumableRun(store, options), whole);
});
