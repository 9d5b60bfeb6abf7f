import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { WeightError } from "../../core/errors.ts";
import { createMemoryStore } from "../../data/hub/mod.ts";
import { readCheckpoint } from "../../trainers/checkpoint.ts";
import { CheckpointStore } from "../../trainers/checkpoint_store.ts";
import { bitsOf, resumableRun, tinyStep } from "./tiny_training.ts";

Deno.test("a run of 3 updates that is saved, loaded and run for 3 more equals one of 6 bit for bit", async () => {
  const whole = await resumableRun(createMemoryStore(), { saveEvery: 100 });
  const store = createMemoryStore();
  const half = await resumableRun(store, { updates: 3 });
  assert([...half].some(([name, bits]) => whole.get(name) !== bits));
  assertEquals(await resumableRun(store), whole);
});

Deno.test("a run that carries batches over an epoch's end resumes bit for bit", async () => {
  const options = { accumulation: 2, tail: "carry" } as const;
  const whole = await resumableRun(createMemoryStore(), { ...options, saveEvery: 100 });
  const store = createMemoryStore();
  const half = await resumableRun(store, { ...options, updates: 1 });
  assert([...half].some(([name, bits]) => whole.get(name) !== bits));
  assertEquals(await resumableRun(store, options), whole);
  assert([...await resumableRun(createMemoryStore(), { accumulation: 2 })].some(([name, bits]) => {
    return whole.get(name) !== bits;
  }));
});

Deno.test("CheckpointStore keeps the newest two checkpoints and nothing half written", async () => {
  const store = createMemoryStore();
  const writer = await store.append("checkpoints/batch-0000000009.safetensors.part", 0);
  await writer.write(new Uint8Array(10));
  await writer.close();
  await resumableRun(store, { updates: 4 });
  const names = (await store.list("checkpoints")).map(({ path }) => path).sort();
  assertEquals(names, ["checkpoints/batch-0000000003.safetensors", "checkpoints/batch-0000000004.safetensors"]);
});

Deno.test("CheckpointStore refuses a damaged checkpoint with the reason and reads the previous one when asked", async () => {
  const store = createMemoryStore();
  const whole = await resumableRun(createMemoryStore(), { saveEvery: 100 });
  await resumableRun(store, { updates: 4 });
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
  assertEquals(await resumableRun(store), whole);
});

Deno.test("readCheckpoint() refuses every cut and every changed byte of a small file", async () => {
  const store = createMemoryStore();
  await resumableRun(store, { updates: 1 });
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
  await resumableRun(store, { updates: 1 });
  await using backend = await createWasmBackend({ threads: 1 });
  const { step, weights } = tinyStep(backend, { policy: "projector" });
  using _ = step;
  const before = await bitsOf(backend, weights);
  const checkpoint = (await new CheckpointStore(store).load())!;
  assertThrows(() => checkpoint.restore({ step, backend }), WeightError, 'it is of another run: "parameter.model.');
  assertEquals(await bitsOf(backend, weights), before);
});
