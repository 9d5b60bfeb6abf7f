import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { readDatasetFile } from "../unit/dataset_fixtures.ts";
import { imageFolder, prepareTraining, row, runMinimind } from "./train_runs.ts";

const flags = ["--epochs", "2", "--batch_size", "2", "--max_seq_len", "96", "--samples", "2", "--threads", "1"];

const turns = (...contents: string[]) =>
  contents.map((content, i) => ({ role: i % 2 ? "assistant" : "user", content }));

/** Rows that cannot be learnt: why, the row, and the words that say it. */
const bad: readonly (readonly [reason: string, row: unknown, words: string])[] = [
  ["image-missing", { conversations: turns("<image>", "a"), image: "absent.png" }, "there is no such file"],
  ["image-path", { conversations: turns("<image>", "a"), image: "../rows.jsonl" }, "not within the image folder"],
  ["image-damaged", { conversations: turns("<image>", "a"), image: "cut.jpg" }, 'Cannot load "cut.jpg" as JPEG: '],
  ["image-damaged", { conversations: turns("<image>", "a"), image: "large.jpg" }, "50000000 pixels are more than"],
  ["image-count", { conversations: turns("<image>\n<image>", "a"), image: "rgb_8.png" }, "2 <image> tags, but the row"],
  [
    "image-count",
    { messages: turns("no tag", "a"), images: ["rgb_8.png", "rgb_8.png"] },
    "0 <image> tags, but the row",
  ],
  ["conversation", { conversations: [], image: "rgb_8.png" }, "it has no turns"],
  ["conversation", { messages: turns("<video>", "a"), videos: ["a.mp4"] }, "it has videos, which cannot be learnt"],
  ["no-labels", { conversations: turns("<image>"), image: "rgb_8.png" }, "no answer was found"],
  ["no-labels", { conversations: turns("word ".repeat(200), "a") }, "all its answers are behind the cut at 96"],
];

/** Rows, and a folder of images with one that is cut off and one of 50 million pixels. */
async function prepare(rows: readonly string[]) {
  const place = await prepareTraining(rows);
  const images = `${place.folder}/images`;
  await Deno.mkdir(images);
  await Deno.copyFile(`${imageFolder}/rgb_8.png`, `${images}/rgb_8.png`);
  const jpeg = await Deno.readFile(`${imageFolder}/baseline.jpg`);
  await Deno.writeFile(`${images}/cut.jpg`, jpeg.subarray(0, jpeg.length / 2));
  const frame = jpeg.findIndex((byte, i) => byte === 0xff && jpeg[i + 1] === 0xc0);
  new DataView(jpeg.buffer).setUint32(frame + 5, (5000 << 16) | 10_000); // height and width of its header
  await Deno.writeFile(`${images}/large.jpg`, jpeg);
  const train = (file: string, out: string, ...more: string[]) => {
    const data = ["--data", `${place.folder}/${file}`, "--images", images];
    const model = ["--model", `${place.folder}/model`, "--out", `${place.folder}/${out}`];
    return runMinimind(["train", "sft", ...data, ...model, ...flags, ...more]);
  };
  return { ...place, train };
}

Deno.test("minimind train ends at a row that cannot be learnt, naming row and reason", async () => {
  await using place = await prepare([]);
  await Promise.all(bad.map(async ([, line, words], i) => {
    const rows = [row("rgb_8.png", "fine"), JSON.stringify(line)];
    await Deno.writeTextFile(`${place.folder}/${i}.jsonl`, rows.join("\n"));
    const { code, stderr } = await place.train(`${i}.jsonl`, `out${i}`);
    assertEquals(code, 1, stderr);
    assertMatch(stderr, new RegExp(`^minimind: Cannot read row 1 of ".*${i}\\.jsonl": `, "m"));
    assertStringIncludes(stderr.trim().split("\n").at(-1)!, words);
  }));
});

Deno.test("minimind train --on-bad-row skip counts each row once by its reason, in the report too", async () => {
  const good = ["one", "two", "three"].map((answer) => row("rgb_8.png", answer));
  await using place = await prepare([...good, ...bad.map(([, line]) => JSON.stringify(line))]);
  const { code, stderr } = await place.train("rows.jsonl", "out", "--on-bad-row", "skip", "--batch_size", "1");
  assertEquals(code, 0, stderr);
  for (const [i, [, , words]] of bad.entries()) {
    const said = stderr.split("\n").filter((line) => line.startsWith(`left out: Cannot read row ${3 + i} of `));
    assertEquals(said.length, 1, stderr);
    assertStringIncludes(said[0]!, words);
  }
  const counts = "image-damaged 2, image-count 2, conversation 2, no-labels 2, image-missing 1, image-path 1";
  const [line] = /^10 rows left out: .*$/m.exec(stderr) ?? [stderr];
  assertEquals(line.split(": ")[1]!.split(", ").toSorted(), counts.split(", ").toSorted());
  const report = await Deno.readTextFile(`${place.folder}/out/report.html`);
  assertStringIncludes(report, "<h2>Rows left out</h2>");
  // Batches of which nothing was left are passed over: three rows make three updates in each epoch.
  const metrics = (await Deno.readTextFile(`${place.folder}/out/metrics.jsonl`)).trim().split("\n");
  const steps = metrics.map((line) => JSON.parse(line)).filter(({ type }) => type === "step");
  assertEquals(steps.map(({ updates }) => updates), [1, 2, 3, 4, 5, 6]);
  assert(steps.every(({ loss, totalBatches }) => loss > 0 && totalBatches === 26));
});

Deno.test("minimind train ends where no row can be learnt, and refuses a parquet file that is cut off", async () => {
  await using place = await prepare([JSON.stringify(bad[0]![1])]);
  const none = await place.train("rows.jsonl", "out", "--on-bad-row", "skip");
  assertEquals(none.code, 1);
  assertStringIncludes(none.stderr, "Cannot train: no row of an epoch can be learnt");

  const whole = readDatasetFile("one_image_v1_snappy.parquet");
  await Deno.writeFile(`${place.folder}/cut.parquet`, whole.subarray(0, whole.length / 2));
  const cut = await place.train("cut.parquet", "cut", "--on-bad-row", "skip");
  assertEquals(cut.code, 1);
  assertMatch(cut.stderr, /^minimind: Cannot read ".*cut\.parquet": /m);
});

Deno.test("minimind train names a row of a damaged page of parquet, or leaves its rows out", async () => {
  await using place = await prepare([]);
  const bytes = readDatasetFile("one_image_v1_snappy.parquet");
  bytes[3000]! ^= 0xff; // within a page that has a checksum
  await Deno.writeFile(`${place.folder}/page.parquet`, bytes);
  const ends = await place.train("page.parquet", "out");
  assertEquals(ends.code, 1);
  assertMatch(ends.stderr, /^minimind: Cannot read row \d+ of ".*page\.parquet": .*checksum/m);
  const skips = await place.train("page.parquet", "out2", "--on-bad-row", "skip", "--epochs", "1");
  assertEquals(skips.code, 0, skips.stderr);
  assertMatch(skips.stderr, /^\d+ rows? left out: damaged \d+$/m);
});
