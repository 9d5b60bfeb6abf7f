import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { parseTokenizer } from "../../data/tokenizer.ts";
import { minimind } from "./run_command.ts";

Deno.test("tokenizer train writes files that load, encode and return every text, and that data inspect takes", async () => {
  const folder = await Deno.makeTempDir();
  try {
    const captions = [
      "A dog runs on the beach .",
      "Two dogs run in the snow .",
      "一只狗在沙滩上奔跑。",
      "两只狗在雪地里跑。",
    ];
    const rows = captions.map((content) => {
      return { conversations: [{ role: "user", content: "what? 什么？" }, { role: "assistant", content }] };
    });
    await Deno.writeTextFile(`${folder}/rows.jsonl`, rows.map((row) => JSON.stringify(row)).join("\n"));
    await Deno.writeTextFile(`${folder}/notes.txt`, "a note\nanother note\n");
    const allow = [`allow-read=${folder}`, `allow-write=${folder}`];
    const train = ["tokenizer", "train", `${folder}/rows.jsonl`, `${folder}/notes.txt`, "--out", `${folder}/own`];
    const first = await minimind([...train, "--vocab-size", "320"], { allow });
    assertEquals([first.code, first.stderr], [0, ""]);
    assertStringIncludes(first.stdout, "6 rows, ");
    assertStringIncludes(first.stdout, "a tokenizer of 320 tokens");

    const read = async () => ({
      tokenizer: await Deno.readTextFile(`${folder}/own/tokenizer.json`),
      config: await Deno.readTextFile(`${folder}/own/tokenizer_config.json`),
    });
    const files = await read();
    const tokenizer = await parseTokenizer(files);
    for (const caption of captions) assertEquals(tokenizer.decode(tokenizer.encode(caption)), caption);

    const again = await minimind([...train, "--vocab-size", "320"], { allow });
    assertEquals(again.code, 1);
    assertStringIncludes(again.stderr, "already there; --force replaces it");
    const json = await minimind([...train, "--vocab-size", "320", "--force", "--json"], { allow });
    assertEquals(JSON.parse(json.stdout).vocabulary, 320);
    assertEquals(await read(), files);

    const inspect = ["data", "inspect", `${folder}/rows.jsonl`, "--tokenizer", `${folder}/own`, "--tokens", "--json"];
    const shown = JSON.parse((await minimind(inspect, { allow })).stdout);
    assertEquals([shown.good, shown.shown[0].messages[1].content], [4, captions[0]]);
    assert(shown.shown[0].labelCount > 2);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
});

Deno.test("tokenizer train refuses what it cannot do in one line", async () => {
  for (
    const [args, words] of [
      [["tokenizer"], "tokenizer train needs files"],
      [["tokenizer", "train", "none.jsonl"], "name it with --out"],
      [["tokenizer", "train", "none.jsonl", "--out", "out"], "there is no such file"],
      [["tokenizer", "train", "deno.json", "--out", "out", "--vocab-size", "100"], "Cannot"],
    ] as const
  ) {
    const { code, stderr } = await minimind(args);
    assertEquals([code, stderr.trim().split("\n").length], [1, 1], stderr);
    assertStringIncludes(stderr, words);
  }
});
