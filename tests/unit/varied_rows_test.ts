import { assert, assertEquals } from "@std/assert";
import type { RowSource } from "../../trainers/row_batches.ts";
import { variedRows } from "../../trainers/varied_rows.ts";

const size = 3;
const pixels = Float32Array.from({ length: 3 * size * size }, (_, i) => i);
const image = { span: { start: 0, length: 1 }, image: pixels };

/** Rows of 400 ids, the first hundred of them a prompt, with two images. */
const rows: RowSource = {
  length: 4,
  row: (index) => {
    if (index === 3) return Promise.resolve(undefined);
    const ids = Int32Array.from({ length: 400 }, (_, t) => 10 + t);
    return Promise.resolve({ ids, labels: ids.map((id, t) => t < 100 ? -100 : id), images: [image, image] });
  },
};

Deno.test("variedRows hides a share of the answer's ids, keeps labels and prompt, and is the same row each time", async () => {
  const varied = variedRows(rows, { tokenDropout: 0.25, seed: 3, blank: 1, size });
  const plain = (await rows.row(0, 0))!;
  const row = (await varied.row(0, 0))!;
  assertEquals(row.labels, plain.labels);
  assertEquals(row.images, plain.images);
  assertEquals(row.ids.subarray(0, 100), plain.ids.subarray(0, 100));
  const hidden = row.ids.filter((id, t) => id !== plain.ids[t]);
  assert(hidden.every((id) => id === 1));
  assert(hidden.length > 45 && hidden.length < 105, `${hidden.length} of 300 ids are hidden`);
  assertEquals((await varied.row(0, 0))!.ids, row.ids);
  for (const other of [await varied.row(0, 1), await varied.row(1, 0)]) {
    assert(other!.ids.some((id, t) => id !== row.ids[t]));
  }
  assertEquals(await varied.row(3, 0), undefined);
});

Deno.test("variedRows mirrors images in half of the epochs, each row of pixels by itself", async () => {
  const varied = variedRows(rows, { flip: true, seed: 1, blank: 0, size });
  let mirrored = 0;
  for (let epoch = 0; epoch < 100; epoch++) {
    const row = (await varied.row(0, epoch))!;
    assertEquals(row.ids, (await rows.row(0, epoch))!.ids);
    for (const { image } of row.images) {
      if (image[0] === 0) assertEquals(image, pixels);
      else {
        assertEquals([...image.subarray(0, 6)], [2, 1, 0, 5, 4, 3]);
        assertEquals([...image.subarray(24)], [26, 25, 24]);
        mirrored++;
      }
    }
  }
  assert(mirrored > 70 && mirrored < 130, `${mirrored} of 200 are mirrored`);
});

Deno.test("variedRows leaves rows alone that do not vary", () => {
  assert(variedRows(rows, { seed: 1, blank: 0, size }) === rows);
});
