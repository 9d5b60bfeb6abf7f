import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { WeightError } from "../../core/errors.ts";
import { modelTensors, type NamedBytes, openCheckpoint } from "../../data/checkpoint.ts";
import { writeSafetensors } from "../../data/safetensors_writer.ts";

const folder = new URL("../fixtures/goldens/pth/", import.meta.url);
const fixture = (name: string): NamedBytes => ({ name, bytes: Deno.readFileSync(new URL(name, folder)) });

const tensors = (...names: string[]) =>
  writeSafetensors(new Map(names.map((name, i) => [name, { shape: [2], values: new Float32Array([i, i + 0.5]) }])));

const index = (shards: Record<string, string>, name = "model.safetensors.index.json"): NamedBytes => ({
  name,
  bytes: new TextEncoder().encode(JSON.stringify({ metadata: { total_size: 24 }, weight_map: shards })),
});

const refused = async (files: readonly NamedBytes[], message: string) =>
  assertStringIncludes((await assertRejects(() => openCheckpoint(files), WeightError)).message, message);

const model = async (file: NamedBytes) => [...modelTensors(await openCheckpoint([file])).keys()];

Deno.test("openCheckpoint() tells formats by content, whatever a file is called", async () => {
  const format = async (file: NamedBytes) => (await openCheckpoint([{ ...file, name: "x" }])).files[0]!.format;
  assertEquals(await format(fixture("half-zip.pth")), "pytorch zip");
  assertEquals(await format(fixture("half-legacy.pth")), "pytorch legacy");
  assertEquals(await format({ name: "a.pth", bytes: tensors("a") }), "safetensors");
});

Deno.test("openCheckpoint() says what a file is that is no checkpoint", async () => {
  const text = (content: string): NamedBytes[] => [{ name: "a.pth", bytes: new TextEncoder().encode(content) }];
  await refused([fixture("empty.pth")], `Cannot open "empty.pth": the file is empty`);
  await refused(
    [fixture("lfs-pointer.pth")],
    `it is a Git LFS pointer to a file of 52429312 bytes; fetch the file itself`,
  );
  await refused([fixture("page.pth")], "it is a web page");
  await refused([fixture("plain-pickle.pth")], "it is a pickle, but not one that torch.save() writes");
  await refused(text("GGUF\x03"), "GGUF");
  await refused(text("hello"), "it starts with 68 65 6c 6c 6f");
  await refused([fixture("bad-crc-zip.pth")], `Cannot open "bad-crc-zip.pth": "archive/data/0": the record is damaged`);
  const broken = tensors("a");
  broken[9] = 0;
  await refused([{ name: "b", bytes: broken }], `Cannot open "b": "header": bytes 8 to`);
});

Deno.test("openCheckpoint() joins shards by their index, in safetensors and in PyTorch's format", async () => {
  const shards = [{ name: "model-1.safetensors", bytes: tensors("a", "b") }, {
    name: "folder/model-2.safetensors",
    bytes: tensors("c"),
  }];
  const map = { a: "model-1.safetensors", b: "model-1.safetensors", c: "model-2.safetensors" };
  const { tensors: found, files } = await openCheckpoint([...shards, index(map)]);
  assertEquals([...found].map(([name, tensor]) => [name, tensor.dtype, [...tensor.toFloat32()]]), [
    ["a", "F32", [0, 0.5]],
    ["b", "F32", [1, 1.5]],
    ["c", "F32", [0, 0.5]],
  ]);
  assertEquals(files.map(({ name }) => name), shards.map(({ name }) => name));
  const bin = { w: "by-hand-zip.pth", "1": "views.bin" };
  await refused([fixture("by-hand-zip.pth"), index(bin)], `the shard "views.bin" is missing`);
  const { tensors: torch } = await openCheckpoint([fixture("by-hand-zip.pth"), index({ w: "by-hand-zip.pth" })]);
  assertEquals([...torch.get("w")!.shape], [2]);
});

Deno.test("openCheckpoint() refuses shards that do not fit their index", async () => {
  const shards = [{ name: "1", bytes: tensors("a") }, { name: "2", bytes: tensors("b") }];
  await refused(shards, `Cannot open "1", "2": 2 files and no index`);
  await refused([], "0 files and no index");
  await refused([...shards, index({ a: "1" })], `it does not name the file "2"`);
  await refused([...shards, index({ a: "1", b: "1", c: "2" })], `it does not place "b" in "2", where it is`);
  await refused([...shards, index({ a: "1", b: "2", c: "2" })], `"c" is not in "2"`);
  await refused([...shards, index({ a: "1", b: "3" })], `the shard "3" is missing`);
  await refused([...shards, index({ a: "../1", b: "2" })], `"../1" is not the name of a file`);
  await refused([...shards, index({ a: "1", b: "2" }), index({ a: "1" }, "other")], "more than one index");
  await refused([shards[0]!, { ...shards[1]!, name: "x/1" }, index({ a: "1" })], "two files have one name");
  const json = (text: string): NamedBytes => ({ name: "i", bytes: new TextEncoder().encode(text) });
  await refused([shards[0]!, json(`{"weight_map": {"a": "1", "a": "1"}}`)], `it has "a" twice`);
  await refused([shards[0]!, json(`{"weights": {}}`)], `it has no "weight_map"`);
  await refused([shards[0]!, json(`{"weight_map": `)], "it is not JSON");
});

Deno.test("modelTensors() finds the model in a training run's file and takes wrappers off its names", async () => {
  assertEquals(await model(fixture("resume-zip.pth")), [
    "embed_tokens.weight",
    "q_proj.weight",
    "q_proj.bias",
    "norm.weight",
    "norm.bias",
    "lm_head.weight",
  ]);
  const safe = (...names: string[]) => model({ name: "x", bytes: tensors(...names) });
  assertEquals(await safe("module._orig_mod.a", "module._orig_mod.b"), ["a", "b"]);
  assertEquals(await safe("module.a", "b"), ["module.a", "b"]);
  assertEquals(await safe("state_dict/module.a", "ema/a"), ["a"]);
  await assertRejects(() => safe("weights/a", "ema/a"), WeightError, `its tensors lie under "weights", "ema"`);
});
