import { assert, assertEquals, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { Backend } from "../../core/backend.ts";
import { packedSegment } from "../../core/graph/graph.ts";
import { ShapeError } from "../../core/errors.ts";
import { type PackableRow, PackPlanner } from "../../trainers/pack_plan.ts";
import { joinRows, packedRows } from "../../trainers/packed_rows.ts";
import { rowBatches, type RowSource, type TrainRow } from "../../trainers/row_batches.ts";
import type { TrainBatch } from "../../trainers/batch.ts";
import { seededValues } from "./seeded_run.ts";
import { tinyStep } from "./tiny_training.ts";

/** A row to be placed: ids, the first one to learn, and where its images are. */
function packable(
  index: number,
  ids: readonly number[],
  { learnt, images = [], key = "" }: { learnt: number; images?: readonly (readonly [number, number])[]; key?: string },
): PackableRow {
  return {
    index,
    ids: Int32Array.from(ids),
    labels: Int32Array.from(ids, (id, i) => i >= learnt ? id : -100),
    images: images.map(([start, length]) => ({ start, length })),
    imageKey: key,
  };
}

Deno.test("PackPlanner puts rows about one image behind it, and different ones side by side", () => {
  const image = { learnt: 5, images: [[1, 2]] as const, key: "a.jpg" };
  const rows = [
    packable(0, [7, 1, 1, 8, 9, 2], image),
    packable(1, [7, 1, 1, 8, 5, 2, 3], image), // shares four ids
    packable(2, [7, 1, 1, 6, 9, 2], image), // would share three, but then the three do not fit
    packable(3, [7, 1, 1, 8], { ...image, learnt: 3, key: "b.jpg" }), // the same ids, another image
    packable(4, [7, 1, 1, 8, 9, 2], { ...image, key: "b.jpg" }), // may share two with it, less than the image
  ];
  const plan = () => {
    const planner = new PackPlanner({ tokens: 12 });
    for (const row of rows) planner.add(row);
    return planner.finish();
  };
  assertEquals(plan(), {
    packs: [
      [{ rows: [0, 1], prefix: 4 }],
      [{ rows: [2], prefix: 0 }, { rows: [3], prefix: 0 }],
      [{ rows: [4], prefix: 0 }],
    ],
    rows: 5,
    tokens: 9 + 6 + 4 + 6,
    images: 2,
  });
  assertEquals(plan(), plan());
});

Deno.test("PackPlanner lets texts share what comes before they differ or are learnt, and refuses a row too long", () => {
  const planner = new PackPlanner({ tokens: 9 });
  planner.add(packable(0, [7, 8, 9, 2], { learnt: 3 }));
  planner.add(packable(1, [7, 8, 9, 3], { learnt: 3 })); // the third predicts what is learnt: it is not shared
  planner.add(packable(2, [7, 5, 9], { learnt: 2 }));
  assertEquals(planner.finish().packs, [[{ rows: [0, 1, 2], prefix: 1 }]]);
  assertThrows(
    () => planner.add(packable(3, Array(10).fill(2), { learnt: 1 })),
    RangeError,
    "Cannot pack row 3: it has 10 ids",
  );
});

Deno.test("joinRows() has the beginning once and tells by segments which token sees which", () => {
  const image = Float32Array.of(1, 2);
  const row = (ids: number[], labels: number[], start?: number): TrainRow => ({
    ids: Int32Array.from(ids),
    labels: Int32Array.from(labels),
    images: start === undefined ? [] : [{ span: { start, length: 1 }, image }],
  });
  const pack = joinRows([
    { prefix: 2, rows: [row([7, 1, 3, 4], [-100, -100, -100, 4], 1), row([7, 1, 5, 6], [-100, -100, -100, 6], 1)] },
    { prefix: 0, rows: [row([9, 1, 2], [9, -100, 2], 1)] },
  ])!;
  assertEquals([...pack.ids], [7, 1, 3, 4, 5, 6, 9, 1, 2]);
  assertEquals([...pack.labels], [-100, -100, -100, 4, -100, 6, -100, -100, 2]);
  assertEquals([...pack.packing!.position], [0, 1, 2, 3, 2, 3, 0, 1, 2]);
  const behind = packedSegment(1, 1);
  assertEquals([...pack.packing!.segment], [0, 0, 1, 1, 2, 2, behind, behind, behind]);
  assertEquals(pack.images.map(({ span }) => span.start), [1, 7]);
  assertEquals(joinRows([]), undefined);
});

/** A row of noise: an image of two markers behind one id where it has a name, then text, the last ids to learn. */
function noiseRow(
  name: string,
  { image, length, learnt }: { image?: string; length: number; learnt: number },
): TrainRow {
  const ids = Int32Array.from(seededValues(name, length), (x) => Math.floor((x + 1) / 2 * 37) + 3);
  ids[0] = 2;
  if (image !== undefined) ids.fill(1, 1, 3);
  return {
    ids,
    labels: ids.map((id, i) => i >= length - learnt ? id : -100),
    images: image === undefined ? [] : [{ span: { start: 1, length: 2 }, image: seededValues(image, 12) }],
  };
}

const rows: readonly (TrainRow & { readonly key: string })[] = ([
  ["a", { image: "first", length: 9, learnt: 3 }],
  ["b", { image: "first", length: 12, learnt: 5 }],
  ["c", { image: "first", length: 8, learnt: 4 }],
  ["d", { image: "second", length: 7, learnt: 2 }],
  ["e", { image: "second", length: 10, learnt: 4 }],
  ["f", { length: 6, learnt: 3 }],
  ["g", { length: 11, learnt: 9 }],
] as const).map(([name, options]) => ({ ...noiseRow(name, options), key: "image" in options ? options.image : "" }));

const source: RowSource = { length: rows.length, row: (index) => Promise.resolve(rows[index]) };
const features = { shape: [2, 6], tokens: 2 };

/** All rows as one batch: each in a row of its own, or packed into rows of 32 ids. */
async function batchOf(
  packed: boolean,
): Promise<{ batch: TrainBatch; sizes: { rows: number; tokens: number; images: number; packed: boolean } }> {
  const planner = new PackPlanner({ tokens: 32 });
  for (const [index, { ids, labels, images, key }] of rows.entries()) {
    planner.add({ index, ids, labels, images: images.map(({ span }) => span), imageKey: key });
  }
  const plan = planner.finish();
  const used = packed ? packedRows(source, plan) : source;
  const sizes = { rows: used.length + 1, tokens: packed ? 32 : 13, images: 6, packed };
  const batches = rowBatches(used, { sizes, imageInput: features, padding: 0 });
  return { batch: await batches.batch({ epoch: 0, batch: 0 }), sizes };
}

/** Loss and gradients of all rows. */
async function learn(
  backend: Backend,
  packed: boolean,
): Promise<{ loss: number; gradients: Map<string, Float32Array> }> {
  const { batch, sizes } = await batchOf(packed);
  const { step } = tinyStep(backend, { sizes });
  using _ = step;
  const { total } = await step.backward(batch);
  const gradients = new Map<string, Float32Array>();
  for (const { name } of step.parameters) {
    gradients.set(name, await backend.read(step.storage(`gradient.${name}`)!) as Float32Array);
  }
  return { loss: total, gradients };
}

const backends: readonly (readonly [string, () => Promise<Backend>])[] = [
  ["reference", () => Promise.resolve(createReferenceBackend())],
  ["wasm", () => createWasmBackend({ threads: 2 })],
];
for (const [name, create] of backends) {
  Deno.test(`packed rows have the loss and gradients of the rows alone, ${name}, within 1e-5`, async () => {
    await using backend = await create();
    const [alone, packed] = [await learn(backend, false), await learn(backend, true)];
    assert(Math.abs(alone.loss - packed.loss) < 1e-5, `${alone.loss} ${packed.loss}`);
    assert(alone.gradients.size > 20);
    for (const [name, gradient] of alone.gradients) {
      const other = packed.gradients.get(name)!;
      const largest = gradient.reduce((most, x) => Math.max(most, Math.abs(x)), 0);
      assert(largest > 1e-4, name);
      gradient.forEach((x, i) => assert(Math.abs(x - other[i]!) < 1e-5, `${name}[${i}]: ${x} ${other[i]}`));
    }
  });
}

Deno.test("a step for packed rows refuses a batch that does not say what keeps them apart", async () => {
  await using backend = createReferenceBackend();
  const { batch, sizes } = await batchOf(true);
  const { step } = tinyStep(backend, { sizes });
  using _ = step;
  let error: unknown;
  await step.backward({ ...batch, packing: undefined }).catch((thrown) => error = thrown);
  assert(error instanceof ShapeError && error.message.includes("it has no segments"));
});
