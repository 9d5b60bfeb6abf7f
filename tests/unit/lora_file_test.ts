import { assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { WeightError } from "../../core/errors.ts";
import { openCheckpoint } from "../../data/checkpoint.ts";
import { checkLora, type LoraAdapter, readLora, squareLayers } from "../../data/lora_file.ts";
import { foldAlpha, writeLora } from "../../data/lora_writer.ts";
import { castTensors, joinChunks, type TypedTensor } from "../../data/saved_tensor.ts";
import { safetensorsChunks } from "../../data/safetensors_writer.ts";
import { numbered } from "./tiny_export.ts";

const q = "model.layers.0.self_attn.q_proj";
const up = "model.layers.0.mlp.up_proj";

const adapter: LoraAdapter = {
  rank: 2,
  alpha: 8,
  layers: new Map([
    [q, { a: numbered([2, 4]), b: numbered([4, 2]) }],
    [up, { a: numbered([2, 4]), b: numbered([6, 2]) }],
  ]),
};

const parameters = new Map([
  [`${q}.weight`, { shape: [4, 4] }],
  [`${up}.weight`, { shape: [6, 4] }],
  ["model.embed_tokens.weight", { shape: [4, 4] }],
  ["model.norm.weight", { shape: [4] }],
]);

const open = async (bytes: Uint8Array) => readLora(await openCheckpoint([{ name: "lora", bytes }]));

/** A safetensors file of any tensors and any description. */
function fileOf(tensors: Record<string, TypedTensor>, metadata: Record<string, string> = {}): Uint8Array {
  const saved = castTensors(new Map(Object.entries(tensors)), { precision: "f32" });
  return joinChunks(safetensorsChunks(saved, new Map(Object.entries(metadata))));
}

async function refused(run: () => unknown, message: string): Promise<void> {
  assertStringIncludes((await assertRejects(async () => await run(), WeightError)).message, message);
}

Deno.test("readLora() gives back what writeLora() was given, in every precision and both formats", async () => {
  for (const precision of ["f32", "f16", "bf16"] as const) {
    for (const format of ["safetensors", "pth"] as const) {
      const given = format === "pth" ? { ...adapter, alpha: 2 } : adapter;
      const { rank, alpha, layers } = await open(writeLora(given, { precision, format }));
      assertEquals([rank, alpha, [...layers.keys()]], [2, given.alpha, [q, up]]);
      for (const [name, { a, b }] of given.layers) {
        assertEquals(layers.get(name)!.a.toFloat32(), a.toFloat32());
        assertEquals(layers.get(name)!.b.toFloat32(), b.toFloat32());
      }
    }
  }
});

Deno.test("readLora() takes rank and alpha from the shapes where nothing describes them", async () => {
  const { rank, alpha } = await open(
    fileOf({ "module.x.lora.A.weight": numbered([3, 5]), "x.lora.B.weight": numbered([4, 3]) }),
  );
  assertEquals([rank, alpha], [3, 3]);
});

Deno.test("readLora() refuses what is no adapter, half of one, or described wrongly", async () => {
  const a = numbered([2, 4]);
  const b = numbered([4, 2]);
  const whole = { "x.lora.A.weight": a, "x.lora.B.weight": b };
  await refused(() => open(fileOf({ ...whole, "x.weight": a })), `"x.weight": it is not a matrix of an adapter`);
  await refused(() => open(fileOf({ "x.lora.A.weight": a })), `"x.lora.B.weight": it is missing`);
  await refused(() => open(fileOf({})), "it has no tensors");
  await refused(() => open(fileOf({ "x.lora.A.weight": a, "x.lora.B.weight": a })), "its rank is 2");
  const described = { minimind_lora: "1", rank: "2", alpha: "4" };
  assertEquals((await open(fileOf(whole, described))).alpha, 4);
  await refused(() => open(fileOf(whole, { ...described, rank: "3" })), "its rank is 3");
  await refused(() => open(fileOf(whole, { ...described, alpha: "" })), `"alpha": "" is not a number`);
  await refused(() => open(fileOf(whole, { ...described, minimind_lora: "9" })), `its version is "9"`);
  await refused(() => open(fileOf(whole, { ...described, targets: '["y"]' })), "list and file do not agree");
  await refused(() => open(fileOf(whole, { ...described, targets: "[" })), "it is not JSON");
});

Deno.test("writeLora() refuses matrices of another rank, and an alpha that upstream's file cannot hold", async () => {
  await refused(() => writeLora({ ...adapter, rank: 3 }), `Cannot write LoRA "${q}"`);
  await refused(() => writeLora({ ...adapter, rank: 0 }), "0 is not a whole number above 0");
  await refused(() => writeLora({ ...adapter, alpha: NaN }), "NaN is not a finite number");
  await refused(() => writeLora(adapter, { format: "pth" }), "so 8 must be the rank, 2");
});

Deno.test("foldAlpha() keeps the change and makes alpha the rank, so that upstream's file can hold it", async () => {
  const folded = foldAlpha(await open(writeLora(adapter)));
  assertEquals([folded.rank, folded.alpha], [2, 2]);
  const { a, b } = folded.layers.get(q)!;
  assertEquals(a.toFloat32(), adapter.layers.get(q)!.a.toFloat32());
  assertEquals(b.toFloat32(), adapter.layers.get(q)!.b.toFloat32().map((value) => 4 * value));
  assertEquals((await open(writeLora(folded, { format: "pth" }))).layers.get(q)!.b.toFloat32(), b.toFloat32());
  assertEquals(foldAlpha(folded), folded);
});

Deno.test("checkLora() accepts the layers of a model and names the first that does not fit", async () => {
  checkLora(adapter, parameters);
  const without = new Map([...parameters].filter(([name]) => !name.startsWith(up)));
  await refused(() => checkLora(adapter, without), `Cannot use LoRA "${up}": the model has no such layer`);
  const other = new Map([...parameters, [`${up}.weight`, { shape: [7, 4] }]]);
  await refused(() => checkLora(adapter, other), "its matrices are [2, 4] and [6, 2], expected [2, 4] and [7, 2]");
  const embedding = { ...adapter, layers: new Map([["model.embed_tokens", adapter.layers.get(q)!]]) };
  await refused(() => checkLora(embedding, parameters), "it is not a linear layer");
});

Deno.test("squareLayers() lists the linear layers that upstream adapts", () => {
  assertEquals(squareLayers(parameters), [q]);
});
