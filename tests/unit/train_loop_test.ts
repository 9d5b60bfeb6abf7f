import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { Backend } from "../../core/backend.ts";
import type { TrainBatch } from "../../trainers/batch.ts";
import { memoryBatches } from "../../trainers/batch_source.ts";
import type { FreezePolicy } from "../../trainers/freeze.ts";
import { train, type TrainOptions } from "../../trainers/loop.ts";
import type { Cursor } from "../../trainers/run_state.ts";
import { cosineSchedule } from "../../trainers/schedule.ts";
import type { TrainEvent } from "../../trainers/train_events.ts";
import { bitsOf, seededBatch, seededWeights, tinyModel, tinyStep } from "./tiny_training.ts";

const threeBatches = ["a", "b", "c"].map((name) => seededBatch(name));
const schedule = cosineSchedule({ learningRate: 3e-3, totalSteps: 6 });

async function eventsOf(
  options: Pick<TrainOptions, "step" | "backend"> & Partial<TrainOptions>,
): Promise<TrainEvent[]> {
  return await Array.fromAsync(train({ batches: memoryBatches(threeBatches), schedule, epochs: 2, ...options }));
}

/** A batch that makes every gradient behind the projector infinite or no number. */
function poisoned(batch: TrainBatch): TrainBatch {
  return { ...batch, images: batch.images!.map(() => NaN) };
}

Deno.test("train() tells each update with upstream's learning rate and a falling loss, then the end", async () => {
  await using backend = createReferenceBackend();
  const { step } = tinyStep(backend);
  using _ = step;
  const batches = memoryBatches([threeBatches[0]!, threeBatches[0]!, threeBatches[0]!]);
  const events = await eventsOf({ step, backend, batches });
  assertEquals(events.map(({ type }) => type), [...Array(6).fill("step"), "finish"]);
  const steps = events.filter((event) => event.type === "step");
  assertEquals(steps.map(({ learningRate }) => learningRate), [0, 1, 2, 3, 4, 5].map(schedule));
  assertEquals(steps.map(({ epoch, batches }) => [epoch, batches]), [[0, 1], [0, 2], [0, 3], [1, 4], [1, 5], [1, 6]]);
  assert(steps.at(-1)!.loss < steps[0]!.loss - 0.1);
  const last = events.at(-1)!;
  assert(last.type === "finish");
  const state = { cursor: { epoch: 2, batch: 0 }, batches: 6, updates: 6, skipped: 0, tokens: 96 };
  assertEquals(last.state, state);
});

Deno.test("train() flushes what is left of an accumulation at the end of each epoch", async () => {
  await using backend = createReferenceBackend();
  const { step } = tinyStep(backend, { accumulation: 2 });
  using _ = step;
  const events = await eventsOf({ step, backend, accumulation: 2 });
  const steps = events.filter((event) => event.type === "step");
  assertEquals(steps.map(({ batches }) => batches), [2, 3, 5, 6]);
  assertEquals(steps.map(({ learningRate }) => learningRate), [1, 2, 4, 5].map(schedule));
});

Deno.test("train() carries what is left of an accumulation into the next epoch and drops the last one's", async () => {
  await using backend = createReferenceBackend();
  const { step, weights } = tinyStep(backend, { accumulation: 2 });
  const byHand = tinyStep(backend, { accumulation: 2 });
  using _ = step, _byHand = byHand.step;
  const read: [number, number][] = [];
  const source = memoryBatches(threeBatches);
  const batches = {
    ...source,
    batch: (cursor: Cursor) => {
      read.push([cursor.epoch, cursor.batch]);
      return source.batch(cursor);
    },
  };
  const events = await eventsOf({ step, backend, batches, accumulation: 2, tail: "carry" });
  const steps = events.filter((event) => event.type === "step");
  assertEquals(steps.map(({ batches, totalBatches }) => [batches, totalBatches]), [[2, 5], [5, 5]]);
  assertEquals(steps.map(({ learningRate }) => learningRate), [1, 4].map(schedule));
  assertEquals(read, [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1]]);
  const last = events.at(-1);
  assert(last?.type === "finish");
  assertEquals(last.state.cursor, { epoch: 1, batch: 2 });
  const [a, b, c] = threeBatches;
  for (const [update, batches] of [[a!, b!], [c!, a!, b!]].entries()) {
    for (const batch of batches) await byHand.step.backward(batch);
    await byHand.step.update(schedule([1, 4][update]!));
  }
  assertEquals(await bitsOf(backend, weights), await bitsOf(backend, byHand.weights));
  assertEquals((await eventsOf({ step, backend, accumulation: 2, tail: "carry", state: last.state })).length, 1);
  await assertRejects(
    () => eventsOf({ step, backend, accumulation: 4, tail: "carry" }),
    RangeError,
    "Cannot train: 3 batches of an epoch make no update of 4",
  );
});

Deno.test("TrainStep adds up two batches of 2 rows to the update of one of 4 within 1e-6", async () => {
  await using backend = createReferenceBackend();
  const [a, b] = [seededBatch("a"), seededBatch("b")];
  const join = (key: "ids" | "targets") => Int32Array.of(...a[key], ...b[key]);
  const shifted = b.index!.map((row) => row < 0 ? -1 : row + 4);
  const both: TrainBatch = {
    ids: join("ids"),
    targets: join("targets"),
    index: Int32Array.of(...a.index!, ...shifted),
    images: Float32Array.of(...a.images!, ...b.images!),
  };
  const halves = tinyStep(backend, { accumulation: 2 });
  const whole = tinyStep(backend, { sizes: { rows: 4, tokens: 8, images: 4 } });
  using first = halves.step, second = whole.step;
  const losses = [await first.backward(a), await first.backward(b)];
  const loss = await second.backward(both);
  assertAlmostEquals((losses[0]!.total + losses[1]!.total) / 2, loss.total, 1e-6);
  assertAlmostEquals((await first.update(1e-2)).norm, (await second.update(1e-2)).norm, 1e-6);
  for (const [name, storage] of halves.weights) {
    const [x, y] = [await backend.read(storage), await backend.read(whole.weights.get(name)!)];
    assertEquals([...x].filter((value, i) => !(Math.abs(value - y[i]!) <= 1e-6)), [], name);
  }
});

const policies: readonly (readonly [FreezePolicy, RegExp])[] = [
  ["projector", /^vision_proj\./],
  ["projector+last", /^vision_proj\.|^model\.layers\.2\./],
  ["projector+ends", /^vision_proj\.|^model\.layers\.[02]\./],
  ["decoder", /./],
  [["*.mlp.up_proj.weight"], /\.mlp\.up_proj\.weight$/],
];
for (const [policy, trained] of policies) {
  Deno.test(`TrainStep with policy ${JSON.stringify(policy)} leaves all others bit-identical`, async () => {
    await using backend = await createWasmBackend({ threads: 1 });
    const { step, weights } = tinyStep(backend, { policy });
    using _ = step;
    const before = await bitsOf(backend, weights);
    await step.backward(threeBatches[0]!);
    assert((await step.update(1e-3)).applied);
    for (const [name, bits] of await bitsOf(backend, weights)) {
      assertEquals(bits === before.get(name), !trained.test(name), name);
    }
  });
}

Deno.test("train() leaves an update that is not finite out, names batch and tensor, and goes on", async () => {
  for (const make of [createReferenceBackend, () => createWasmBackend({ threads: 1 })]) {
    await using backend: Backend = await make();
    const { step, weights } = tinyStep(backend, { accumulation: 2 });
    using _ = step;
    const before = await bitsOf(backend, weights);
    const batches = memoryBatches([threeBatches[0]!, poisoned(threeBatches[1]!), threeBatches[2]!]);
    const events: TrainEvent[] = [];
    for await (const event of train({ step, backend, batches, schedule, epochs: 1, accumulation: 2 })) {
      events.push(event);
      if (event.type === "skip") assertEquals(await bitsOf(backend, weights), before);
    }
    const [first, second, last] = events;
    assertEquals(first, {
      type: "skip",
      cursor: { epoch: 0, batch: 1 },
      parameter: step.parameters[0]!.name,
      batches: 2,
      skipped: 1,
    });
    assert(second?.type === "step" && Number.isFinite(second.loss));
    assertEquals(second.updates, 1);
    assert(last?.type === "finish" && last.state.skipped === 1);
  }
});

Deno.test("train() gives up after too many updates that are not finite", async () => {
  await using backend = createReferenceBackend();
  const { step } = tinyStep(backend);
  using _ = step;
  const batches = memoryBatches(threeBatches.map(poisoned));
  await assertRejects(
    () => eventsOf({ step, backend, batches, maxSkips: 2 }),
    RangeError,
    'Cannot train: the gradients of 2 updates in a row are not finite, that of "',
  );
});

Deno.test("train() saves what it has learnt when it is aborted, then throws the reason", async () => {
  await using backend = createReferenceBackend();
  const { step } = tinyStep(backend);
  using _ = step;
  const controller = new AbortController();
  const saved: number[] = [];
  const run = train({
    step,
    backend,
    batches: memoryBatches(threeBatches),
    schedule,
    epochs: 2,
    save: ({ batches }) => Promise.resolve(void saved.push(batches)),
    signal: controller.signal,
  });
  await run.next();
  await run.next();
  controller.abort(new Error("enough"));
  const third = await run.next();
  assert(!third.done && third.value.type === "checkpoint");
  assertEquals(saved, [2]);
  await assertRejects(() => run.next(), Error, "enough");
});

Deno.test("TrainStep allocates nothing on the wasm backend over 20 steps after the first", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const { step } = tinyStep(backend);
  using _ = step;
  const learn = async () => {
    await step.backward(threeBatches[0]!);
    await step.update(1e-3);
  };
  await learn();
  const used = backend.usedBytes;
  for (let i = 0; i < 20; i++) {
    await learn();
    assertEquals(backend.usedBytes, used);
  }
});

Deno.test("TrainStep gives its memory back", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const model = tinyModel();
  seededWeights(backend, model);
  const { step } = tinyStep(backend, { model }); // scratch has its size from now on
  step[Symbol.dispose]();
  const used = backend.usedBytes;
  const again = tinyStep(backend, { model });
  again.step[Symbol.dispose]();
  for (const storage of again.weights.values()) backend.free(storage);
  assertEquals(backend.usedBytes, used);
});
