import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { bytesAccess, DatasetError, openDataset, type RandomAccess } from "../../data/datasets/mod.ts";
import { line, openText, readFixtureImage } from "./dataset_fixtures.ts";
import { readImageFile } from "./image_fixtures.ts";

Deno.test("openDataset() reads upstream's lines, with one image, several or none, past blank lines and a mark", async () => {
  const text = `\uFEFF${line("<image>\nWhat?", "This.", "rgb_8.png")}\r\n  \n` +
    line("<image>\n<image>", "Both.", "rgb_8.png, grey_1.png") + line("Hello", "你好").trimEnd();
  const dataset = await openText(text, { readImage: readFixtureImage });
  assertEquals(dataset.length, 3);
  const row = await dataset.row(1);
  assertEquals(row.place, 'row 1 of "test.json"');
  assertEquals(row.imageNames, ["rgb_8.png", "grey_1.png"]);
  assertEquals(await row.images(), [readImageFile("rgb_8.png"), readImageFile("grey_1.png")]);
  assertEquals((await dataset.row(0)).conversation.messages, [
    { role: "user", content: [{ type: "image" }, { type: "text", text: "\nWhat?" }] },
    { role: "assistant", content: "This." },
  ]);
  const last = await dataset.row(2);
  assertEquals(last.conversation.messages[1]!.content, "你好");
  assertEquals(await last.images(), []);
});

Deno.test("openDataset() reads LLaVA's list and ShareGPT's rows", async () => {
  const rows = [
    {
      id: "a",
      image: "rgb_8.png",
      conversations: [{ from: "human", value: '<image>]\\"' }, { from: "gpt", value: "{" }],
    },
    { messages: [{ role: "user", content: "<image>?" }, { role: "assistant", content: "!" }], images: ["a,b.png"] },
    { system: "Be kind", conversations: [{ from: "human", value: "Hi" }, { from: "gpt", value: "Hi" }] },
  ];
  for (const text of [JSON.stringify(rows), ` ${JSON.stringify(rows, undefined, 2)}\n`]) {
    const dataset = await openText(text);
    assertEquals(dataset.length, 3);
    const all = await Promise.all([0, 1, 2].map((row) => dataset.row(row)));
    assertEquals(all.map(({ imageNames }) => imageNames), [["rgb_8.png"], ["a,b.png"], []]);
    assertEquals(all[0]!.conversation.messages[0], {
      role: "user",
      content: [{ type: "image" }, { type: "text", text: ']\\"' }],
    });
    assertEquals(all[2]!.conversation.messages.map(({ role }) => role), ["system", "user", "assistant"]);
  }
  assertEquals((await openText("[]")).length, 0);
});

Deno.test("openDataset() keeps no more of a file than the places of its rows", async () => {
  const text = new TextEncoder().encode(line("Question", "Answer ".repeat(20)).repeat(20_000));
  let [reads, largest] = [0, 0];
  const file: RandomAccess = {
    size: text.length,
    read: (start, end) => {
      reads++;
      largest = Math.max(largest, end - start);
      return bytesAccess(text).read(start, end);
    },
  };
  const dataset = await openDataset(file, { name: "long.jsonl" });
  assertEquals(dataset.length, 20_000);
  assertEquals(largest <= 2 ** 20, true);
  reads = 0;
  assertEquals((await dataset.row(19_999)).conversation.messages[0]!.content, "Question");
  assertEquals(reads, 1);
});

Deno.test("openDataset() names row and reason of what is no conversation", async () => {
  const cases: readonly (readonly [string, string, string])[] = [
    ["{", "damaged", "JSON"],
    ["3", "conversation", "not an object"],
    ["{}", "conversation", "no turns"],
    ['{"conversations": []}', "conversation", "no turns"],
    ['{"conversations": [{"role": "user"}]}', "conversation", "turn 0"],
    ['{"conversations": [{"from": "nobody", "value": "x"}]}', "conversation", "nobody"],
    ['{"conversations": [{"content": "x"}], "image": 3}', "conversation", "image is 3"],
    ['{"conversations": [{"content": "x"}], "image": "a.jpg,"}', "conversation", "name is missing"],
  ];
  for (const [text, reason, words] of cases) {
    const dataset = await openText(`${line("a", "b")}${text}\n`, { layout: "lines" });
    const error = await assertRejects(() => dataset.row(1), DatasetError);
    assertStringIncludes(error.message, 'Cannot read row 1 of "test.json": ');
    assertStringIncludes(error.message, words);
    assertEquals(error.reason, reason);
  }
  const long = await openText(line("a", "b".repeat(1000)), { maxRowBytes: 500 });
  assertStringIncludes((await assertRejects(() => long.row(0), DatasetError)).message, "maxRowBytes");
  await assertRejects(() => long.row(1), RangeError);
});

Deno.test("openDataset() refuses a list that was cut off or has something behind it", async () => {
  const row = line("a", "b").trim();
  for (const text of [`[${row}`, `[${row},`, `[${row},]`, `[,${row}]`, `[${row}] x`, `[${row}`.slice(0, -3)]) {
    const error = await assertRejects(() => openText(text), DatasetError);
    assertStringIncludes(error.message, 'Cannot read "test.json": ');
  }
});

Deno.test("a row's images stay within the image folder", async () => {
  const outside = [
    "../a.png",
    "a/../../b.png",
    "/etc/hosts",
    "\\\\server\\a.png",
    "C:\\a.png",
    "https://a/b.png",
    "..",
  ];
  for (const name of outside) {
    const dataset = await openText(line("<image>", "b", [name]), { readImage: readFixtureImage });
    const error = await assertRejects(async () => (await dataset.row(0)).images(), DatasetError);
    assertEquals(error.reason, "image-path", name);
    assertStringIncludes(error.message, 'row 0 of "test.json"');
  }
  const inside = await openText(line("<image>", "b", ["./rgb_8.png"]), { readImage: readFixtureImage });
  assertEquals(await (await inside.row(0)).images(), [readImageFile("rgb_8.png")]);
});

Deno.test("a row's missing image is named with its row, and a data URI needs no folder", async () => {
  const missing = await openText(line("<image>", "b", "none.png"), { readImage: readFixtureImage });
  const error = await assertRejects(async () => (await missing.row(0)).images(), DatasetError);
  assertEquals(error.reason, "image-missing");
  assertStringIncludes(error.message, 'Cannot read row 0 of "test.json": its image "none.png": ');
  const uri = "data:image/gif;base64,R0lGODlhAQABAIAAAP8AAAAAACwAAAAAAQABAAACAkQBADs=";
  const own = await openText(line("<image>", "b", uri));
  assertEquals((await (await own.row(0)).images())[0]!.length, 35);
  const none = await openText(line("<image>", "b", "a.png"));
  assertStringIncludes(
    (await assertRejects(async () => (await none.row(0)).images(), DatasetError)).message,
    "no image folder was given",
  );
});
