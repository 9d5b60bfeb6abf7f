import { assertEquals, assertStringIncludes } from "@std/assert";
import { bytesAccess, openDataset, SampleMaker } from "../../data/datasets/mod.ts";
import { openImageFolder } from "../../sdk/image_folder.ts";
import { fixtureRenderer } from "../unit/fixture_tokenizer.ts";

const script = new URL("../../models/demo/recipe/prepare.ts", import.meta.url).href;
const photo = Deno.readFileSync(new URL("../fixtures/images/baseline.jpg", import.meta.url));

/** Writes a pack in which every record has the same photo. */
async function writePack(path: string, records: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
  const bytes = new Uint8Array(photo.length * records.length);
  records.forEach((_, i) => bytes.set(photo, i * photo.length));
  const lines = records.map((record, i) => {
    return JSON.stringify({ ...record, offset: i * photo.length, length: photo.length });
  });
  await Deno.writeFile(`${path}.bin`, bytes);
  await Deno.writeTextFile(`${path}.jsonl`, lines.join("\n"));
}

async function prepare(folder: string, ...more: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const config = new URL("../../deno.json", import.meta.url).pathname;
  const allow = [`--allow-read=${folder}`, `--allow-write=${folder}`];
  const args = ["run", "--no-prompt", "--config", config, ...allow, script, ...more];
  const { code, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args, env: { NO_COLOR: "1" } }).output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

Deno.test("the recipe's data stage writes rows that the trainer's reader takes, the same whenever it is run", async () => {
  const folder = await Deno.makeTempDir();
  try {
    for (const name of ["flickr8k-cn", "tiny-imagenet-126"]) {
      await Deno.mkdir(`${folder}/data/${name}`, { recursive: true });
    }
    const said = (i: number) =>
      i % 2 === 0
        ? { en: Array(5).fill("A dog runs in the snow ."), zh: Array(5).fill("一只狗在雪地里奔跑。") }
        : { en: Array(5).fill("A woman is reading ."), zh: Array(5).fill("一个女人在看书。") };
    const records = (prefix: string) => Array.from({ length: 4 }, (_, i) => ({ id: `${prefix}${i}`, ...said(i) }));
    await writePack(`${folder}/data/flickr8k-cn/train`, records("t"));
    await writePack(`${folder}/data/flickr8k-cn/val`, records("v"));
    const classes = [{ label: 0, en: "orange", zh: "橙子", group: "food" }, {
      label: 1,
      en: "wok",
      zh: "炒锅",
      group: "object",
    }];
    await Deno.writeTextFile(`${folder}/data/tiny-imagenet-126/classes.json`, JSON.stringify(classes));
    const things = [0, 0, 0, 1, 1].map((label, i) => ({ label, file: `${i}.JPEG` }));
    await writePack(`${folder}/data/tiny-imagenet-126/train`, things);

    const args = ["--data", `${folder}/data`, "--out", `${folder}/out`, "--objects", "2", "--images-last", "0.5"];
    const first = await prepare(folder, ...args);
    assertEquals([first.code, first.stderr], [0, ""]);
    assertStringIncludes(first.stdout, "about 8 images");
    const names = [
      "train.jsonl",
      "captions.jsonl",
      "val.jsonl",
      "eval-captions.jsonl",
      "eval-questions.jsonl",
      "practice.jsonl",
    ];
    const read = async () => await Promise.all(names.map((name) => Deno.readTextFile(`${folder}/out/${name}`)));
    const files = await read();
    await Deno.remove(`${folder}/out/images/flickr/t0.jpg`);
    const again = await prepare(folder, ...args);
    assertStringIncludes(again.stdout, "train: 1 of 4 images written");
    assertEquals(await read(), files);

    const [train, captions, , evalCaptions, evalQuestions, practice] = files.map((text) => text.trim().split("\n"));
    assertEquals(captions!.length, 4 * 10);
    const images = train!.map((line) => JSON.parse(line).image as string);
    assertEquals(images.filter((image, i) => image !== images[i - 1]).length, 8); // rows of an image follow each other
    const asked = (lines: readonly string[]) =>
      lines.map((line) => JSON.parse(line).conversations[0].content as string);
    assertEquals(asked(train!).filter((content) => !content.startsWith("<image>\n")), []);
    const last = asked(practice!).filter((content) => content.endsWith("\n<image>")).length;
    assertEquals(last > 0 && last < practice!.length, true);
    assertEquals(asked(practice!).filter((content) => content.split("<image>").length !== 2), []);
    assertEquals(evalCaptions!.length, 4 * 2);
    assertEquals(JSON.parse(evalCaptions![0]!).references.length, 5);
    const dogs = evalQuestions!.map((line) => JSON.parse(line)).filter(({ group }) => group === "dog");
    assertEquals(dogs.map(({ references }) => references[0]).sort(), [
      "No.",
      "No.",
      "Yes.",
      "Yes.",
      "有。",
      "有。",
      "没有。",
      "没有。",
    ]);

    const dataset = await openDataset(bytesAccess(await Deno.readFile(`${folder}/out/train.jsonl`)), {
      name: "train.jsonl",
      readImage: openImageFolder(`${folder}/out/images`),
    });
    const maker = new SampleMaker({
      renderer: fixtureRenderer("v3"),
      maxTokens: 300,
      variation: false,
      readImage: (file) => Promise.resolve(file.length),
    });
    for (let i = 0; i < dataset.length; i++) {
      const { images } = await maker.make(await dataset.row(i));
      assertEquals(images.map(({ image }) => image), [photo.length]);
    }
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});
