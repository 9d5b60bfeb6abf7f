import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import {
  type BadRowReason,
  collate,
  type Dataset,
  DatasetError,
  type ImageReader,
  inGroups,
  isPlaceholderImage,
  pixelReader,
  SampleMaker,
  type SampleOptions,
} from "../../data/datasets/mod.ts";
import { bytesAccess, openDataset } from "../../data/datasets/mod.ts";
import { crc32 } from "../../data/crc32.ts";
import { ignoredLabel } from "../../data/chat/mod.ts";
import { siglipPreprocessor } from "../../data/image/mod.ts";
import { line, openText, parquetFixtures, readDatasetFile, readFixtureImage } from "./dataset_fixtures.ts";
import { fixtureRenderer, fixtureTokenizer, type Generation } from "./fixture_tokenizer.ts";
import { readImageFile } from "./image_fixtures.ts";

const size: ImageReader<number> = (file) => Promise.resolve(file.length);
const mean = [0.5, 0.5, 0.5] as const;
const preprocessor = siglipPreprocessor({ size: 8, mean, std: mean });

function maker(options: Partial<SampleOptions<number>> = {}, generation: Generation = "v3"): SampleMaker<number> {
  const renderer = fixtureRenderer(generation);
  return new SampleMaker({ renderer, maxTokens: 512, readImage: size, variation: false, ...options });
}

/** A header that claims 10,000 × 5,000 pixels. */
function hugePng(): Uint8Array {
  const png = readImageFile("rgb_8.png");
  const view = new DataView(png.buffer);
  view.setUint32(16, 10_000);
  view.setUint32(20, 5_000);
  view.setUint32(29, crc32(png.slice(12, 29)));
  return png;
}

function open(text: string): Promise<Dataset> {
  const own: Record<string, Uint8Array> = {
    "huge.png": hugePng(),
    "damaged.png": readImageFile("rgb_8.png").slice(0, 99),
  };
  return openText(text, {
    readImage: (path) => own[path] ? Promise.resolve(own[path]) : readFixtureImage(path),
  });
}

async function reasonOf(text: string, options: Partial<SampleOptions<number>> = {}): Promise<BadRowReason> {
  const dataset = await open(line("fine", "fine") + text);
  const error = await assertRejects(async () => maker(options).make(await dataset.row(1)), DatasetError);
  assertStringIncludes(error.message, 'Cannot read row 1 of "test.json": ');
  return error.reason;
}

for (const generation of ["v2", "v3"] as const) {
  interface LabelRow {
    readonly name: string;
    readonly mode: string;
    readonly max_length: number;
    readonly conversations: unknown;
    readonly X?: readonly number[];
    readonly Y?: readonly number[];
    readonly loss_mask?: readonly number[];
    readonly input_ids?: readonly number[];
    readonly labels?: readonly number[];
  }
  Deno.test(`SampleMaker and collate() give upstream's ids and masks of ${generation}, exactly`, async () => {
    const url = new URL(`../fixtures/goldens/tokenizer/labels-${generation}.json`, import.meta.url);
    const items: readonly LabelRow[] = JSON.parse(Deno.readTextFileSync(url)).items;
    const pad = fixtureTokenizer(generation).control.pad!.id;
    let compared = 0;
    for (const item of items.filter(({ mode }) => mode === "plain")) {
      const tags = JSON.stringify(item.conversations).split("<image>").length - 1;
      const image = Array.from({ length: tags }, () => "rgb_8.png");
      const dataset = await open(JSON.stringify({ conversations: item.conversations, image }));
      // Upstream drew 0.99: no system prompt, and empty thoughts go.
      const variation = generation === "v2" ? false : { systemRatio: 0, emptyThoughtsRatio: -1 };
      const make = () =>
        dataset.row(0).then((row) => {
          return maker({ maxTokens: item.max_length, parseSpecial: true, variation }, generation).make(row);
        });
      const expected = item.labels?.map((label) => label !== ignoredLabel) ?? item.loss_mask!.map((mask) => mask === 1);
      if (!expected.includes(true)) {
        const { reason } = await assertRejects(make, DatasetError);
        assert(reason === "no-labels" || reason === "image-cut", `${item.name}: ${reason}`);
        compared++;
        continue;
      }
      const sample = await make().catch((error) => {
        // Upstream cuts images; here that is an error.
        assert(error instanceof DatasetError && error.reason === "image-cut", `${item.name}: ${error}`);
      });
      if (sample === undefined) continue;
      const { ids, labels } = collate([sample], { length: item.max_length, pad, imageTokens: 4 });
      if (item.X !== undefined) {
        assertEquals([...ids.slice(0, -1)], item.X, item.name);
        assertEquals([...ids.slice(1)], item.Y, item.name);
        assertEquals([...labels.slice(1)].map((label) => label === ignoredLabel ? 0 : 1), item.loss_mask, item.name);
      } else {
        assertEquals([...ids], item.input_ids, item.name);
        assertEquals([...labels], item.labels, item.name);
      }
      compared++;
    }
    assert(compared >= 8, `${compared} compared`);
  });
}

Deno.test("SampleMaker tells what is wrong with a row, naming file and row", async () => {
  const pixels = pixelReader({ preprocessor });
  const read: ImageReader<number> = async (...args) => (await pixels(...args)).values.length;
  assertEquals(await reasonOf(line("<image>", "a", "none.png")), "image-missing");
  assertEquals(await reasonOf(line("<image>", "a", "../none.png")), "image-path");
  assertEquals(await reasonOf(line("<image>", "a", "huge.png"), { readImage: read }), "image-damaged");
  assertEquals(await reasonOf(line("<image>", "a", "damaged.png"), { readImage: read }), "image-damaged");
  assertEquals(await reasonOf(line("<image>\n<image>", "a", "rgb_8.png")), "image-count");
  assertEquals(await reasonOf(line("nothing", "a", "rgb_8.png")), "image-count");
  assertEquals(await reasonOf(line("<image>", "a")), "image-count");
  assertEquals(
    await reasonOf(line("<image><image>", "a", "rgb_8.png, rgb_8.png"), { separateImages: false }),
    "image-place",
  );
  assertEquals(await reasonOf(line("<image>", "a", "rgb_8.png"), { maxTokens: 6 }), "image-cut");
  assertEquals(await reasonOf(line("a long question", "a"), { maxTokens: 6 }), "no-labels");
  assertEquals(await reasonOf('{"conversations": [{"role": "user", "content": "a"}]}'), "no-labels");
  assertEquals(await reasonOf('{"conversations": []}'), "conversation");
});

Deno.test("SampleMaker names the pixels of a 50-megapixel image before it is decoded", async () => {
  const dataset = await open(line("<image>", "a", "huge.png"));
  const pixels = new SampleMaker({
    renderer: fixtureRenderer("v3"),
    maxTokens: 99,
    readImage: pixelReader({ preprocessor, maxPixels: 30_000_000 }),
  });
  const error = await assertRejects(async () => pixels.make(await dataset.row(0)), DatasetError);
  assertStringIncludes(error.message, "50000000 pixels are more than the 30000000 allowed");
});

Deno.test("SampleMaker leaves out images behind the cut and never reads them", async () => {
  const conversations = ["<image>\nFirst?", "One.", "And <image>?", "Two."].map((content) => ({ content }));
  const dataset = await open(JSON.stringify({ conversations, image: ["rgb_8.png", "damaged.png"] }));
  const row = await dataset.row(0);
  const whole = await maker().make(row);
  assertEquals(whole.images.map(({ span }) => span.length), [4, 4]);
  const cut = await maker({ maxTokens: whole.images[1]!.span.start }).make(row);
  assertEquals([cut.images.length, cut.ids.length, cut.tokens], [1, whole.images[1]!.span.start, whole.ids.length]);
  assert(cut.labels.some((label) => label !== ignoredLabel));
});

Deno.test("SampleMaker keeps images that touch apart by a newline", async () => {
  const files = "rgb_8.png, rgb_8.png";
  const [apart, touching] = await Promise.all(["<image>\n<image>a", "<image><image>a"].map(async (question) => {
    return await maker().make(await (await open(line(question, "b", files))).row(0));
  }));
  assertEquals([...touching!.ids], [...apart!.ids]);
});

Deno.test("SampleMaker takes upstream's black 8×8 image beside a text for none", async () => {
  const black =
    `data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAgAAAAICAAAAADhZOFXAAAADElEQVR42mNgoA4AAABIAAEQRe/SAAAAAElFTkSuQmCC`;
  assertEquals((await maker().make(await (await open(line("text", "b", black))).row(0))).images, []);
  assertEquals(await reasonOf(line("text", "b", [black, black])), "image-count");
  const asked = await maker().make(await (await open(line("<image>", "b", black))).row(0));
  assertEquals(asked.images.length, 1);
  assertEquals(await isPlaceholderImage(readImageFile("rgb_8.png")), false);
  assertEquals(await isPlaceholderImage(new Uint8Array(9)), false);
});

Deno.test("SampleMaker varies rows by seed and row alone", async () => {
  const dataset = await open(line("a", "b").repeat(200));
  const varied = maker({ variation: {} });
  const texts = async (seed: number) => {
    const samples = Array.from({ length: 200 }, async (_, i) => varied.make(await dataset.row(i), { seed }));
    return (await Promise.all(samples)).map(({ ids }) => ids.length);
  };
  const [first, again, other] = [await texts(1), await texts(1), await texts(2)];
  assertEquals(first, again);
  assert(first.join() !== other.join());
  const plain = (await maker().make(await dataset.row(0))).ids.length;
  const longer = first.filter((length) => length > plain).length;
  assert(longer > 15 && longer < 80, `${longer} of 200 have a system prompt`);
});

Deno.test("collate() pads rows, numbers the embeddings of all images and refuses what does not fit", async () => {
  const name = "image_lists_v2_plain.parquet";
  const dataset = await openDataset(bytesAccess(readDatasetFile(name)), { name });
  const samples = await Promise.all([1, 2, 4].map(async (row) => maker().make(await dataset.row(row))));
  const counts = [1, 2, 4].map(parquetFixtures[name]!);
  const batch = collate(samples, { rows: 4, length: 128, pad: 7, imageTokens: 4 });
  assertEquals(batch.images.length, counts[0]! + counts[1]! + counts[2]!);
  assertEquals(
    [...batch.index.filter((row) => row >= 0)],
    Array.from({ length: 4 * batch.images.length }, (_, i) => i),
  );
  assertEquals([...new Set(batch.ids.subarray(3 * 128))], [7]);
  assertEquals([...new Set(batch.labels.subarray(3 * 128))], [ignoredLabel]);
  assertThrows(() => collate(samples, { rows: 2, length: 128, pad: 0, imageTokens: 4 }), RangeError);
  assertThrows(() => collate(samples, { length: 8, pad: 0, imageTokens: 4 }), RangeError, "row 1 of");
});

Deno.test("inGroups() keeps the order and gives the rest", async () => {
  async function* numbers() {
    for (let i = 0; i < 5; i++) yield await Promise.resolve(i);
  }
  assertEquals(await Array.fromAsync(inGroups(numbers(), 2)), [[0, 1], [2, 3], [4]]);
});
