import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { imageFolder, ownFlags, prepareTraining, row, runMinimind } from "./train_runs.ts";

const root = new URL("../../", import.meta.url);
const parquet = "tests/fixtures/datasets/image_lists_v1_zstd.parquet";
const tokenizer = "tests/fixtures/goldens/tokenizer/v3";

async function minimind(...args: string[]): Promise<{ code: number; out: string; error: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--allow-read", "--deny-net", "--no-prompt", "mod.ts", ...args],
    cwd: root,
    env: { NO_COLOR: "1" },
  });
  const { code, stdout, stderr } = await command.output();
  const text = (bytes: Uint8Array) => new TextDecoder().decode(bytes);
  return { code, out: text(stdout), error: text(stderr) };
}

Deno.test("data inspect shows rows of parquet with images, labels and tokens", async () => {
  const { code, out, error } = await minimind(
    "data",
    "inspect",
    parquet,
    "--tokenizer",
    tokenizer,
    "--tokens",
    "--rows",
    "2",
  );
  assertEquals([code, error], [0, ""]);
  assertStringIncludes(out, "image_lists_v1_zstd.parquet: 60 rows, 60 checked, 60 can be learnt from");
  assertStringIncludes(out, "row 1: ");
  assertStringIncludes(out, "3 images (");
  assertStringIncludes(out, "assistant: Row 1, 第1行.");
  assert(/3…66 +\d+ +"<\|image_pad\|>"/.test(out), out);
  assert(/\d+ +learn +"<\|im_end\|>"/.test(out), out);
});

Deno.test("data inspect counts problems by reason, as JSON too, and exits with 1", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const turns = (question: string) => [{ content: question }, { content: "ok" }];
    const rows = [
      { conversations: turns("<image>"), image: "rgb_8.png" },
      { conversations: turns("<image>"), image: "../deno.json" },
      { conversations: turns("<image>\n<image>"), image: "rgb_8.png" },
      { conversations: [] },
    ];
    const file = `${folder}/bad.jsonl`;
    await Deno.writeTextFile(file, rows.map((row) => JSON.stringify(row)).join("\n"));
    const images = "tests/fixtures/images";
    const { code, out } = await minimind("data", "inspect", file, "--images", images, "--json");
    assertEquals(code, 1);
    const { shown, problems, ...counts } = JSON.parse(out);
    assertEquals(counts, { file: "bad.jsonl", rows: 4, checked: 4, good: 1, images: 1, textOnly: 0, cut: 0 });
    assertEquals(Object.keys(problems).sort(), ["conversation", "image-count", "image-path"]);
    assertStringIncludes(problems["image-path"].first, 'row 1 of "bad.jsonl"');
    assertEquals(shown.length, 3);
    const { start: _, ...image } = shown[0].images[0];
    assertEquals(image.name, "rgb_8.png");
    assert(image.width > 0 && image.height > 0);
    const people = await minimind("data", "inspect", file, "--images", images);
    assertStringIncludes(people.out, "1 image-count, first: ");
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("data inspect refuses what it cannot do in one line", async () => {
  for (
    const [args, words] of [
      [["data"], "there are data inspect FILE"],
      [["data", "inspect"], "name one file"],
      [["data", "inspect", parquet, "--tokens"], "name a --model or a --tokenizer"],
      [["data", "inspect", "none.jsonl"], "there is no such file"],
      [["data", "inspect", parquet, "--rows=-1"], "--rows"],
    ] as const
  ) {
    const { code, error } = await minimind(...args);
    assertEquals([code, error.trim().split("\n").length], [1, 1], error);
    assertStringIncludes(error, words);
  }
});

Deno.test("data encode keeps features by content, tells the gain, and train finds them without an image decoded", async () => {
  await using place = await prepareTraining();
  const { folder } = place;
  await Deno.writeTextFile(`${folder}/rows.jsonl`, `${row("rgb_8.png", "Again")}\n`, { append: true });
  const cache = ["--feature-cache", `${folder}/features`];
  const encode = (...flags: string[]) => {
    const model = ["--model", `${folder}/model`, "--threads", "1", "--images", imageFolder];
    return runMinimind(["data", "encode", `${folder}/rows.jsonl`, ...model, ...cache, ...flags]);
  };
  const first = await encode();
  assertEquals(first.code, 0, first.stderr);
  assertMatch(first.stderr, /^7 rows, 7 images: 6 encoded in \d+\.\d s, 0 known before, 1 again$/m);
  assertMatch(first.stderr, / has 13\.8 kB of features for them, 2\.3 kB an image$/m);
  const gain =
    /^an image takes ([\d.]+) ms to decode and encode, ([\d.]+) ms to find: [\d.]+ times as fast, -?[\d.]+ s less for an epoch$/m;
  assertMatch(first.stderr, gain);
  assertMatch((await encode()).stderr, /^7 rows, 7 images: 0 encoded in 0\.0 s, 6 known before, 1 again$/m);

  const flags = ["--epochs", "1", "--batch_size", "2", "--max_seq_len", "96", "--samples", "0"];
  const trained = await runMinimind(["train", "sft", ...ownFlags(folder, "out"), ...flags, ...cache]);
  assertEquals(trained.code, 0, trained.stderr);
  assertMatch(trained.stderr, /^features: 0 images encoded in 0\.0 s, 6 from earlier runs$/m);

  await Deno.writeTextFile(`${folder}/rows.jsonl`, `${row("absent.png", "Nothing")}\n`, { append: true });
  const bad = await encode();
  assertEquals(bad.code, 1);
  assertMatch(bad.stderr, /Cannot read row 7 of ".*rows\.jsonl": its image "absent\.png"/);
  const skipped = await encode("--on-bad-row", "skip");
  assertEquals(skipped.code, 0, skipped.stderr);
  assertMatch(skipped.stderr, /^1 row left out: image-missing 1\n8 rows, 7 images: /m);
});

Deno.test("data inspect --html writes a page with images, tokens and labels, and what is wrong with a row", async () => {
  await using place = await prepareTraining([row("rgb_8.png", "<b>1 < 2</b>"), row("absent.png", "none")]);
  const { folder } = place;
  const page = `${folder}/page.html`;
  const flags = ["--images", imageFolder, "--model", `${folder}/model`, "--html", page];
  const { code } = await runMinimind(["data", "inspect", `${folder}/rows.jsonl`, ...flags]);
  assertEquals(code, 1);
  const html = await Deno.readTextFile(page);
  assertEquals([...html.matchAll(/<img alt="" src="data:image\/png;base64,/g)].length, 1);
  assertMatch(html, /<span class="image" title="3: 5">&#60;\|image_pad\|&#62;×9<\/span>/);
  assertMatch(html, /<span class="learnt" title="\d+: \d+">&#60;\|im_end\|&#62;<\/span>/);
  assertStringIncludes(html, "there is no such file");
  assert(!/<b>|(src|href)=["'](?!data:)/.test(html));
});
