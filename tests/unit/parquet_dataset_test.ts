import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import {
  bytesAccess,
  DatasetError,
  epochOrder,
  openDataset,
  openParquetDataset,
  type RandomAccess,
  selectRows,
} from "../../data/datasets/mod.ts";
import { fixtureAnswer, fixtureImages, parquetFixtures, readDatasetFile } from "./dataset_fixtures.ts";
import { tinyParquet } from "./tiny_parquet.ts";

/** A file that counts the bytes it gives. */
function countingAccess(bytes: Uint8Array): RandomAccess & { bytes: number } {
  const { size, read } = bytesAccess(bytes);
  const file = {
    size,
    bytes: 0,
    read(start: number, end: number) {
      file.bytes += end - start;
      return read(start, end);
    },
  };
  return file;
}

Deno.test("openParquetDataset() says how to shuffle so that no page is read twice, unless all of them are kept", async () => {
  const name = "image_lists_v1_zstd.parquet";
  const bytes = readDatasetFile(name);
  assertEquals((await openParquetDataset(bytesAccess(bytes), { name })).nearby, undefined);
  const bytesOf = async (near: boolean) => {
    const file = countingAccess(bytes);
    const dataset = await openParquetDataset(file, { name, cacheBytes: 6000 });
    const images = async (index: number) => await (await dataset.row(index)).images();
    for (const index of [0, 59]) await images(index); // headers of both row groups
    const before = file.bytes;
    const order = epochOrder(60, { shuffle: near ? selectRows(dataset, epochOrder(60)).nearby : true });
    for (const index of order) await images(index);
    return file.bytes - before;
  };
  const [near, anywhere] = [await bytesOf(true), await bytesOf(false)];
  assert(near < 1.1 * bytes.length, `${near} of ${bytes.length}`);
  assert(anywhere > 1.3 * near, `${anywhere} and ${near}`);
});

for (const [name, count] of Object.entries(parquetFixtures)) {
  Deno.test(`openDataset() reads every row and image of ${name} in any order`, async () => {
    const dataset = await openDataset(bytesAccess(readDatasetFile(name)), { name, cacheBytes: 2000 });
    assertEquals(dataset.length, 60);
    for (let i = 0; i < 60; i++) {
      const index = (17 * i + 59) % 60;
      const row = await dataset.row(index);
      assertEquals(row.index, index);
      assertEquals(row.conversation.messages[1], { role: "assistant", content: fixtureAnswer(index) });
      assertEquals((await row.images()).map((image) => image.slice()), fixtureImages(index, count(index)));
    }
  });

  Deno.test(`openDataset() never takes a damaged byte of ${name} for anything but an error or a row`, async () => {
    const whole = readDatasetFile(name);
    let [refused, rows] = [0, 0];
    for (let at = 3; at < whole.length; at += 97) {
      const damaged = whole.slice();
      damaged[at]! ^= 0xff;
      try {
        const dataset = await openParquetDataset(bytesAccess(damaged), { name });
        for (const index of [0, 21, 45]) {
          const row = await dataset.row(index);
          await row.images();
          rows++;
        }
      } catch (error) {
        assert(error instanceof DatasetError || error instanceof RangeError, `byte ${at}: ${error}`);
        assertStringIncludes(error.message, name);
        refused++;
      }
    }
    assert(refused > 5 && rows > 0, `${refused} refused, ${rows} rows`);
  });
}

Deno.test("openParquetDataset() reads lists that go on from page to page", async () => {
  const rows = [3, 1, 2, 5, 1, 1].map((count, row) => ({
    conversations: JSON.stringify([{ content: "?" }, { content: fixtureAnswer(row) }]),
    images: Array.from({ length: count }, (_, k) => new Uint8Array([row, k, 255])),
  }));
  for (const valuesPerPage of [1, 2, 3, 4, 100]) {
    const dataset = await openDataset(bytesAccess(tinyParquet(rows, valuesPerPage)), { name: "lists" });
    assertEquals(dataset.length, 6);
    for (const index of [5, 0, 3, 1, 4, 2]) {
      const row = await dataset.row(index);
      assertEquals(row.conversation.messages[1]!.content, fixtureAnswer(index));
      assertEquals((await row.images()).map((image) => image.slice()), rows[index]!.images, `${valuesPerPage} a page`);
    }
  }
});

Deno.test("openParquetDataset() reads pages and not the whole file for one row", async () => {
  const bytes = readDatasetFile("one_image_v1_snappy.parquet");
  let read = 0;
  const file: RandomAccess = {
    size: bytes.length,
    read: (start, end) => {
      read += end - start;
      return bytesAccess(bytes).read(start, end);
    },
  };
  const dataset = await openParquetDataset(file, { name: "one" });
  await (await dataset.row(50)).images();
  read = 0;
  await (await dataset.row(59)).images();
  assert(read > 0 && read < 6000, `${read} of ${bytes.length} bytes`);
  read = 0;
  await (await dataset.row(59)).images();
  assertEquals(read, 0);
});

Deno.test("openParquetDataset() refuses what is cut off, empty or without conversations, naming the file", async () => {
  const whole = readDatasetFile("one_image_v1_snappy.parquet");
  for (const length of [4, 11, 100, whole.length - 1]) {
    const error = await assertRejects(
      () => openDataset(bytesAccess(whole.slice(0, length)), { name: "cut.parquet" }),
      DatasetError,
    );
    assertStringIncludes(error.message, `Cannot read "cut.parquet": `);
    assertEquals(error.reason, "damaged");
  }
});

Deno.test("openParquetDataset() finds whatever is damaged in pages with checksums and names the row", async () => {
  const name = "one_image_v1_snappy.parquet";
  const whole = readDatasetFile(name);
  const footer = new DataView(whole.buffer).getUint32(whole.length - 8, true) + 8;
  let found = 0;
  for (let at = 4; at < whole.length - footer; at += 61) {
    const bytes = whole.slice();
    bytes[at]! ^= 0x10;
    try {
      const row = await (await openDataset(bytesAccess(bytes), { name })).row(7);
      assertEquals(row.conversation.messages[1]!.content, fixtureAnswer(7));
      assertEquals((await row.images()).map((image) => image.slice()), fixtureImages(7, 1), `byte ${at}`);
    } catch (error) {
      assert(error instanceof DatasetError, `byte ${at}: ${error}`);
      if (error.message.includes(`row 7 of "${name}"`) && error.message.includes("checksum")) found++;
    }
  }
  assert(found > 5, `${found} found`);
});
