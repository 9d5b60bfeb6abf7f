import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  createFeatureCache,
  type Dataset,
  DatasetError,
  epochOrder,
  featureKey,
  SampleLoader,
  type SampleLoaderOptions,
  SampleMaker,
  selectRows,
  splitRows,
} from "../../data/datasets/mod.ts";
import { createMemoryStore } from "../../data/hub/mod.ts";
import { line, openText, readFixtureImage } from "./dataset_fixtures.ts";
import { fixtureRenderer } from "./fixture_tokenizer.ts";

const maker = new SampleMaker({
  renderer: fixtureRenderer("v3"),
  maxTokens: 200,
  readImage: (file) => Promise.resolve(file.length),
});
const good = Array.from({ length: 30 }, (_, i) => line(`Row ${i}`, "ok")).join("");
const bad = line("<image>", "a", "none.png") + line("<image>", "a") + '{"conversations": []}\n';

function loader(dataset: Dataset, options: Partial<SampleLoaderOptions<number>> = {}): SampleLoader<number> {
  return new SampleLoader(dataset, { maker, ...options });
}

async function rows(loader: SampleLoader<number>, count = Infinity): Promise<number[]> {
  const found: number[] = [];
  for await (const { row } of loader.epoch()) if (found.push(row) >= count) break;
  return found;
}

Deno.test("epochOrder() is a permutation of its own for each seed and epoch", () => {
  const orders = [epochOrder(1000), epochOrder(1000, { epoch: 1 }), epochOrder(1000, { seed: 43 })];
  for (const order of orders) assertEquals([...order].sort((a, b) => a - b), Array.from({ length: 1000 }, (_, i) => i));
  assertEquals(orders[0], epochOrder(1000, { seed: 42, epoch: 0 }));
  assertEquals(orders[1], orders[2]); // 42 + epoch, as upstream
  assert(orders[0]!.join() !== orders[1]!.join());
  const fixed = orders[0]!.filter((row, i) => row === i).length;
  assert(fixed < 8, `${fixed} of 1000 rows stay in place`);
  assertEquals([...epochOrder(3, { shuffle: false })], [0, 1, 2]);
});

Deno.test("epochOrder() keeps rows near each other when told to", () => {
  const shuffle = { stretch: 100, open: 3 };
  const order = epochOrder(1050, { shuffle });
  assertEquals([...order].sort((a, b) => a - b), Array.from({ length: 1050 }, (_, i) => i));
  for (let first = 0; first < 1050; first += 300) {
    const stretches = new Set(order.slice(first, first + 250).map((row) => Math.floor(row / 100)));
    assert(stretches.size <= 4, `${stretches.size} stretches`); // the last one is short
  }
  assert(order.slice(0, 100).some((row, i) => Math.abs(row - order[0]!) > 100 && i > 0));
  assert(order.join() !== epochOrder(1050, { shuffle, epoch: 1 }).join());
  assertEquals(order, epochOrder(1050, { shuffle }));
  assertThrows(() => epochOrder(5, { shuffle: { stretch: 0, open: 1 } }), RangeError);
});

Deno.test("epochOrder() puts every row in every place equally often within 5 sigma", () => {
  const counts = new Uint32Array(36);
  for (let seed = 0; seed < 6000; seed++) epochOrder(6, { seed }).forEach((row, place) => counts[6 * place + row]!++);
  for (const count of counts) assert(Math.abs(count - 1000) < 5 * Math.sqrt(1000 * 5 / 6), `${counts}`);
});

Deno.test("splitRows() and selectRows() share out all rows once", async () => {
  const { training, validation } = splitRows(30, { fraction: 0.2 });
  assertEquals([training.length, validation.length], [24, 6]);
  assertEquals([...training, ...validation].sort((a, b) => a - b), Array.from({ length: 30 }, (_, i) => i));
  assertEquals(splitRows(30, { fraction: 0 }).validation.length, 0);
  assertThrows(() => splitRows(1, { fraction: 0.5 }), RangeError);
  const part = selectRows(await openText(good), validation);
  assertEquals((await rows(loader(part))).sort((a, b) => a - b), [...validation]);
});

Deno.test("SampleLoader goes on from its cursor exactly as if it had never stopped", async () => {
  const dataset = await openText(good);
  const whole = loader(dataset, { ahead: 3 });
  const straight = [...await rows(whole), ...await rows(whole), ...await rows(whole)];
  assertEquals(whole.cursor, { epoch: 3, index: 0 });
  const stopped: number[] = [];
  let cursor = { epoch: 0, index: 0 };
  for (let i = 0; stopped.length < straight.length; i++) {
    const next = loader(dataset, { ahead: 1 + i % 9, cursor: JSON.parse(JSON.stringify(cursor)) });
    stopped.push(...await rows(next, 7));
    cursor = next.cursor;
  }
  assertEquals(stopped, straight);
  assertEquals(new Set(straight.slice(30, 60)).size, 30);
});

Deno.test("SampleLoader gives the same ids in a resumed epoch, variations included", async () => {
  const dataset = await openText(good);
  const ids = async (options: Partial<SampleLoaderOptions<number>>) => {
    const samples = await Array.fromAsync(loader(dataset, options).epoch());
    return samples.map(({ ids }) => [...ids]);
  };
  const all = await ids({ cursor: { epoch: 1, index: 0 } });
  assertEquals(await ids({ cursor: { epoch: 1, index: 11 }, ahead: 2 }), all.slice(11));
});

Deno.test("SampleLoader makes samples ahead, no more than it may, and keeps their order", async () => {
  const dataset = await openText(good);
  let [now, most] = [0, 0];
  const slow: Dataset = {
    ...dataset,
    row: async (index, options) => {
      most = Math.max(most, ++now);
      await new Promise((resolve) => setTimeout(resolve, (index * 7) % 5));
      now--;
      return await dataset.row(index, options);
    },
  };
  assertEquals(await rows(loader(slow, { ahead: 4 })), [...epochOrder(30)]);
  assertEquals(most, 4);
});

Deno.test("SampleLoader ends at a bad row, or counts it and goes on", async () => {
  const dataset = await openText(good + bad, { readImage: readFixtureImage });
  await assertRejects(() => rows(loader(dataset)), DatasetError);
  const messages: string[] = [];
  const skipping = loader(dataset, { onBad: "skip", onSkip: ({ message }) => messages.push(message) });
  assertEquals((await rows(skipping)).length, 30);
  assertEquals(Object.fromEntries(skipping.skipped), { "image-missing": 1, "image-count": 1, conversation: 1 });
  assertEquals(messages.length, 3);
  for (const message of messages) assertStringIncludes(message, 'of "test.json": ');
  const hopeless = loader(await openText(bad), { onBad: "skip" });
  const error = await assertRejects(() => rows(hopeless), DatasetError);
  assertStringIncludes(error.message, "none of its 3 rows");
});

Deno.test("SampleLoader ends with the signal's reason and refuses a cursor beyond its data", async () => {
  const dataset = await openText(good);
  const reason = new Error("enough");
  const controller = new AbortController();
  const ended = loader(dataset);
  await assertRejects(
    async () => {
      for await (const _ of ended.epoch({ signal: controller.signal })) controller.abort(reason);
    },
    Error,
    "enough",
  );
  assertEquals(ended.cursor, { epoch: 0, index: 1 });
  assertThrows(() => loader(dataset, { cursor: { epoch: 0, index: 31 } }), RangeError);
  assertThrows(() => loader(dataset, { cursor: { epoch: -1, index: 0 } }), RangeError);
  assertThrows(() => loader(dataset, { ahead: 0 }), RangeError);
});

Deno.test("createFeatureCache() keeps features by image and encoder and takes no others for them", async () => {
  const store = createMemoryStore();
  const cache = createFeatureCache(store, { size: 3 });
  const image = new Uint8Array([1, 2, 3]);
  const [key, other] = await Promise.all(["a", "b"].map((encoder) => featureKey(image, { encoder })));
  assert(key !== other);
  assertEquals(key, await featureKey(image.slice(), { encoder: "a" }));
  const features = new Float32Array([1.5, -0, 3e-40]);
  await cache.set(key!, features);
  assertEquals(await cache.get(key!), features);
  assertEquals(await cache.get(other!), undefined);
  assertEquals(await createFeatureCache(store, { size: 4 }).get(key!), undefined);
  assertEquals((await store.list("features")).length, 1);
  await assertRejects(() => cache.get("../a"), TypeError);
});
