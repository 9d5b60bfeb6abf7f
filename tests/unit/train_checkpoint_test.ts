import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { Backend } from "../../core/backend.ts";
import { WeightError } from "../../core/errors.ts";
import { createMemoryStore, type FileStore } from "../../data/hub/mod.ts";
import { memoryBatches } from "../../trainers/batch_source.ts";
import { readCheckpoint } from "../../trainers/checkpoint.ts";
import { CheckpointStore } from "../../trainers/checkpoint_store.ts";
import { train } from "../../trainers/loop.ts";
import { cosineSchedule } from "../../trainers/schedule.ts";
import { bitsOf, seededBatch, tinyStep } from "./tiny_training.ts";

const schedule = cosineSchedule({ learningRate: 3e-3, totalSteps: 6 });
const batches = memoryBatches(["a", "b", "c"].map((name) => seededBatch(name)));

/** Runs a new process's worth: from the newest checkpoint or the start, at most `updates` updates. */
async function run(store: FileStore, { updates = Infinity, saveEvery = 1 } = {}): Promise<Map<string, string>> {
  await using backend: Backend = await createWasmBackend({ threads: 1 });
  const { step, weights } = tinyStep(backend);
  using _ = step;
  const checkpoints = new CheckpointStore(store);
  const last = await checkpoints.load();
  last?.restore({ step, backend });
  const events = train({
    step,
    backend,
    batches,
    schedule,
    epochs: 2,
    state: last?.state,
    save: (state) => checkpoints.save({ step, backend }, { state, config: "test", seed: 42 }),
    saveEvery,
  });
  let saved = 0;
  for await (const { type } of events) if (type === "checkpoint" && ++saved === updates) break;
  return await bitsOf(backend, weights);
}

Deno.test("a run of 3 updates that is saved, loaded and run for 3 more equals one of 6 bit for bit", async () => {
  const whole = await run(createMemoryStore(), { saveEvery: 100 });
  const store = createMemoryStore();
  const half = await run(store, { updates: 3 });
  assert([...half].some(([name, bits]) => whole.get(name) !== bits));
  assertEquals(await run(store), whole);
});

Deno.test("CheckpointStore keeps the newest two checkpoints and nothing half written", async () => {
  const store = createMemoryStore();
  const writer = await store.append("checkpoints/batch-0000000009.safetensors.part", 0);
  await writer.write(new Uint8Array(10));
  await writer.close();
  await run(store, { updates: 4 });
  const names = (await store.list("checkpoints")).map(({ path }) => path).sort();
  assertEquals(names, ["checkpoints/batch-0000000003.safetensors", "checkpoints/batch-0000000004.safetensors"]);
});

Deno.test("CheckpointStore refuses a damaged checkpoint with the reason and reads the previous one when asked", async () => {
  const store = createMemoryStore();
  const whole = await run(createMemoryStore(), { saveEvery: 100 });
  await run(store, { updates: 4 });
  const path = "checkpoints/batch-0000000004.safetensors";
  const bytes = await store.read(path);
  bytes[bytes.length - 2000]! ^= 1;
  const writer = await store.append(path, 0);
  await writer.write(bytes);
  await writer.close();
  const checkpoints = new CheckpointStore(store);
  const error = await assertRejects(() => checkpoints.load(), WeightError);
  assert(/is damaged: the checksum is wrong; the one before it, batch-0000000003.safetensors/.test(error.message));
  assertEquals((await checkpoints.load("previous"))!.state.batches, 3);
  await store.remove(path);
  assertEquals(await run(store), whole);
});

Deno.test("readCheckpoint() refuses every cut and every changed byte of a small file", async () => {
  const store = createMemoryStore();
  await run(store, { updates: 1 });
  const bytes = await store.read("checkpoints/batch-0000000001.safetensors");
  assertEquals(readCheckpoint(bytes).state.updates, 1);
  for (let i = 0; i < bytes.length; i += 997) {
    assertThrows(() => readCheckpoint(bytes.subarray(0, i)), WeightError);
    const changed = bytes.slice();
    changed[i]! ^= 0x10;
    assertThrows(() => readCheckpoint(changed), WeightError);
  }
});

Deno.test("Checkpoint.restore() refuses a run that trains other parameters", async () => {
  const store = createMemoryStore();
  await run(store, { updates: 1 });
  await using backend = await createWasmBackend({ threads: 1 });
  const { step, weights } = tinyStep(backend, { policy: "projector" });
  using _ = step;
  const before = await bitsOf(backend, weights);
  const checkpoint = (await new CheckpointStore(store).load())!;
  assertThrows(() => checkpoint.restore({ step, backend }), WeightError, 'it is of another run: "parameter.model.');
  assertEquals(await bitsOf(backend, weights), before);
});
