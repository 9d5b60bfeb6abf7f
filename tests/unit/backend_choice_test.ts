/**
 * How `auto` chooses: by times that the test gives through the option `measure`, on whatever adapter is here.
 *
 * @module
 */
import { assert, assertEquals, assertGreater, assertMatch } from "@std/assert";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { describeAdapter, findAdapter } from "../../backends/webgpu/mod.ts";
import type { Backend } from "../../core/backend.ts";
import type { Notes } from "../../core/notes.ts";
import { createMemoryStore } from "../../data/hub/mod.ts";
import auto from "../../plugins/auto.ts";
import { chooseBackend } from "../../plugins/backend_choice.ts";
import { rememberedSpeed } from "../../plugins/remembered_speed.ts";
import { timeAnswer } from "../../plugins/time_answer.ts";
import { createFileStore } from "../../sdk/file_store.ts";
import { cacheNotes, storeNotes } from "../../sdk/notes.ts";

const adapter = await findAdapter();
const readFile = () => Promise.reject(new Error("no file is needed"));

/** Chooses by times that are given for each backend; tells what was measured. */
async function choose(times: { wasm: number; webgpu: number }, notes?: Notes) {
  const measured: string[] = [];
  const measure = ({ name }: Backend) => {
    measured.push(name);
    return Promise.resolve(times[name as keyof typeof times]);
  };
  const options = { threads: 1, software: true, measure };
  const { backend, reason, from } = await chooseBackend(options, { readFile, notice() {}, notes });
  await backend[Symbol.asyncDispose]();
  return { name: backend.name, reason, from, measured };
}

const report = {
  description: "a card",
  software: false,
  features: ["shader-f16"],
  limits: {
    maxBufferSize: 1,
    maxStorageBufferBindingSize: 2,
    maxComputeWorkgroupsPerDimension: 3,
    maxComputeInvocationsPerWorkgroup: 4,
    maxComputeWorkgroupStorageSize: 5,
    maxStorageBuffersPerShaderStage: 6,
  },
} as const;

Deno.test("timeAnswer() measures a backend and leaves no storage behind", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
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
  assertGreater(await timeAnswer(backend), 0);
  assertEquals(kept.size, 0);
});

Deno.test("rememberedSpeed() forgets a speed when adapter, limits, features or threads are others", async () => {
  const notes = storeNotes(() => createMemoryStore());
  const store = createMemoryStore();
  const kept = storeNotes(() => store);
  const speedOf = (other: Partial<typeof report> | object, options = {}) =>
    rememberedSpeed({ ...report, ...other }, { options, notes: kept });
  assertEquals(await speedOf({}).read(), undefined);
  await speedOf({}).write(2.5);
  assertEquals(await speedOf({}).read(), 2.5);
  assertEquals(await speedOf({ description: "another card" }).read(), undefined);
  assertEquals(await speedOf({ limits: { ...report.limits, maxBufferSize: 9 } }).read(), undefined);
  assertEquals(await speedOf({ features: [] }).read(), undefined);
  assertEquals(await speedOf({}, { threads: 63 }).read(), undefined);
  await speedOf({ description: "another card" }).write(0.5);
  assertEquals([await speedOf({}).read(), await speedOf({ description: "another card" }).read()], [2.5, 0.5]);
  for (let i = 0; i < 8; i++) await speedOf({ description: `card ${i}` }).write(1);
  assertEquals([await speedOf({}).read(), await speedOf({ description: "card 0" }).read()], [undefined, 1]);
  assertEquals(await rememberedSpeed(report, { options: {}, notes }).read(), undefined);
});

Deno.test("rememberedSpeed() takes nothing from a damaged note and writes over it", async () => {
  const store = createMemoryStore();
  const notes = storeNotes(() => store);
  const speed = rememberedSpeed(report, { options: {}, notes });
  await speed.write(3);
  const note = await notes.read("webgpu-speed.json");
  assert(note !== undefined);
  for (const damaged of ["", "{", "null", "[1]", '"x"', note.replace("3\n", "-3\n"), note.replace("3\n", '"3"\n')]) {
    await notes.write("webgpu-speed.json", damaged);
    assertEquals(await speed.read(), undefined, damaged);
  }
  await speed.write(4);
  assertEquals(await speed.read(), 4);
});

Deno.test("storeNotes() keeps texts on a disk, and is empty where the store cannot be used", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const notes = storeNotes(() => createFileStore(`${folder}/cache`));
    assertEquals(await notes.read("a.json"), undefined);
    await notes.write("a.json", "one");
    await notes.write("a.json", "2");
    assertEquals(await notes.read("a.json"), "2");
    assertEquals(await Deno.readTextFile(`${folder}/cache/notes/a.json`), "2");
    await Deno.writeTextFile(`${folder}/file`, "");
    const nowhere = [
      storeNotes(() => createFileStore(`${folder}/file`)), // a file stands where the folder should be
      storeNotes(() => createMemoryStore({ capacity: 0 })),
      storeNotes(() => Promise.reject(new TypeError("no folder is named"))),
    ];
    for (const notes of nowhere) {
      await notes.write("a.json", "one");
      assertEquals(await notes.read("a.json"), undefined);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test({
  name: "storeNotes() reads and writes nothing for which a permission is missing",
  permissions: { read: [new URL("../fixtures", import.meta.url)] },
  async fn() {
    const readable = new URL("../fixtures", import.meta.url).pathname;
    for (const folder of [readable, "/elsewhere"]) {
      const notes = storeNotes(() => createFileStore(folder));
      await notes.write("a.json", "one");
      assertEquals(await notes.read("a.json"), undefined);
    }
  },
});

Deno.test("cacheNotes() keeps texts in the runtime's own cache", async () => {
  const notes = cacheNotes(), name = `${crypto.randomUUID()}.json`;
  assertEquals(await notes.read(name), undefined);
  await notes.write(name, "one");
  await notes.write(name, "two");
  assertEquals(await notes.read(name), "two");
  await (await caches.open("@minimind/v")).delete(`https://notes.invalid/${name}`);
});

if (typeof adapter === "string") {
  console.log(`webgpu: some tests of this file do not run, for ${adapter}`);
  Deno.test("auto takes wasm where there is no adapter, and says so", async () => {
    const notices: string[] = [];
    await using backend = await auto.create({ threads: 1 }, { readFile, notice: (notice) => notices.push(notice) });
    assertEquals([backend.name, notices], ["wasm", [`wasm: ${adapter}`]]);
  });
} else {
  const { description, software } = describeAdapter(adapter);

  Deno.test("chooseBackend() takes the faster one and says how much faster it is", async () => {
    assertEquals(await choose({ wasm: 31, webgpu: 10 }), {
      name: "webgpu",
      reason: `3.1x wasm on ${description}`,
      from: "measured",
      measured: ["wasm", "webgpu"],
    });
    assertEquals(await choose({ wasm: 10, webgpu: 25 }), {
      name: "wasm",
      reason: `2.5x webgpu on ${description}`,
      from: "measured",
      measured: ["wasm", "webgpu"],
    });
  });

  Deno.test("chooseBackend() remembers what it measured until something changes, and a damaged note is measured anew", async () => {
    const store = createMemoryStore();
    const notes = storeNotes(() => store);
    for (const [times, name] of [[{ wasm: 2, webgpu: 1 }, "webgpu"], [{ wasm: 1, webgpu: 2 }, "wasm"]] as const) {
      await notes.write("webgpu-speed.json", "{ damaged");
      const first = await choose(times, notes);
      assertEquals([first.name, first.from], [name, "measured"]);
      const second = await choose({ wasm: 1, webgpu: 1 }, notes);
      assertEquals(second, { ...first, from: "remembered", measured: [] });
    }
    const note = await notes.read("webgpu-speed.json");
    await notes.write("webgpu-speed.json", note!.replaceAll(description, "another card"));
    assertEquals((await choose({ wasm: 2, webgpu: 1 }, notes)).from, "measured");
  });

  Deno.test("chooseBackend() measures each time where nothing can be kept, and takes wasm if webgpu fails at it", async () => {
    const notes = storeNotes(() => createMemoryStore({ capacity: 0 }));
    for (let i = 0; i < 2; i++) assertEquals((await choose({ wasm: 2, webgpu: 1 }, notes)).from, "measured");
    const measure = ({ name }: Backend) => name === "wasm" ? Promise.resolve(1) : Promise.reject(new Error("it broke"));
    const options = { threads: 1, software: true, measure };
    const { backend, reason, from } = await chooseBackend(options, { readFile, notice() {}, notes });
    await using _ = backend;
    assertEquals([backend.name, reason, from], ["wasm", "it broke", "alone"]);
  });

  Deno.test("auto says in one line what it chose, and opens no device of an adapter that computes in software", async () => {
    const notices: string[] = [];
    const opened: GPUAdapter[] = [];
    const { requestDevice } = GPUAdapter.prototype;
    GPUAdapter.prototype.requestDevice = function (descriptor) {
      opened.push(this);
      return requestDevice.call(this, descriptor);
    };
    try {
      const options = { threads: 1, measure: ({ name }: Backend) => Promise.resolve(name === "wasm" ? 2 : 1) };
      await using backend = await auto.create(options, { readFile, notice: (notice) => notices.push(notice) });
      assertEquals(backend.name, software ? "wasm" : "webgpu");
      assertEquals(opened.length, software ? 0 : 1);
      assertEquals(notices.length, 1);
      assertMatch(notices[0]!, software ? /^wasm: .+ computes in software$/ : /^webgpu: 2\.0x wasm on ./);
    } finally {
      GPUAdapter.prototype.requestDevice = requestDevice;
    }
  });
}
