import { assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { ConfigError, WeightError } from "../../core/errors.ts";
import { chooseWeights, type FolderFiles, openModelFolder } from "../../data/model_folder.ts";
import { writeSafetensors } from "../../data/safetensors_writer.ts";

const tensors = (...names: string[]) =>
  writeSafetensors(new Map(names.map((name) => [name, { shape: [1], values: new Float32Array(1) }])));

/** A folder in memory. */
function folderOf(files: Readonly<Record<string, string | Uint8Array>>): FolderFiles {
  return {
    list: () => Promise.resolve(Object.keys(files)),
    read: (name) => {
      const content = files[name]!;
      return Promise.resolve(typeof content === "string" ? new TextEncoder().encode(content) : content);
    },
  };
}

Deno.test("openModelFolder() reads the documents of a Hugging Face folder and opens its weights", async () => {
  const folder = await openModelFolder(folderOf({
    "config.json": `{"hidden_size": 8}`,
    "generation_config.json": `{"top_p": 0.8}`,
    "preprocessor_config.json": `{"do_resize": true}`,
    "tokenizer.json": `{"model": {}}`,
    "tokenizer_config.json": `{"eos_token": "x"}`,
    "chat_template.jinja": "{{ messages }}",
    "README.md": "no JSON",
    "model.safetensors": tensors("a"),
    "pytorch_model.bin": "never read",
  }));
  assertEquals(folder.config, { hidden_size: 8 });
  assertEquals(folder.generationConfig, { top_p: 0.8 });
  assertEquals(folder.preprocessorConfig, { do_resize: true });
  assertEquals([folder.tokenizer, folder.tokenizerConfig], [`{"model": {}}`, `{"eos_token": "x"}`]);
  assertEquals(folder.chatTemplate, "{{ messages }}");
  assertEquals([...folder.checkpoint.tensors.keys()], ["a"]);
});

Deno.test("openModelFolder() opens shards through their index, and what upstream's trainers leave", async () => {
  const index = JSON.stringify({ weight_map: { a: "1.safetensors", b: "2.safetensors" } });
  const shards = { "model.safetensors.index.json": index, "1.safetensors": tensors("a") };
  const { checkpoint } = await openModelFolder(folderOf({ ...shards, "2.safetensors": tensors("b") }));
  assertEquals([...checkpoint.tensors.keys()], ["a", "b"]);
  const missing = await assertRejects(() => openModelFolder(folderOf(shards)), WeightError);
  assertStringIncludes(missing.message, `the shard "2.safetensors" is missing`);
  const out = { "sft_vlm_512.pth": tensors("x"), "llm_512.pth": tensors("y") };
  const sft = await openModelFolder(folderOf(out), { weights: "sft_vlm_512.pth" });
  assertEquals([...sft.checkpoint.tensors.keys(), sft.config], ["x", undefined]);
  const several = await assertRejects(() => openModelFolder(folderOf(out)), WeightError);
  assertStringIncludes(several.message, "name one of its checkpoints sft_vlm_512.pth, llm_512.pth");
});

Deno.test("openModelFolder() refuses a document that is not JSON and names it", async () => {
  const folder = folderOf({ "config.json": "{", "model.safetensors": tensors("a") });
  const error = await assertRejects(() => openModelFolder(folder), ConfigError);
  assertEquals(error.message, `Cannot read "config.json": it is not JSON`);
});

Deno.test("chooseWeights() prefers safetensors, then whole files, and asks where there are several", () => {
  assertEquals(chooseWeights(["pytorch_model.bin", "model.safetensors", "a.pth"]), "model.safetensors");
  assertEquals(chooseWeights(["pytorch_model.bin.index.json", "x.bin"]), "pytorch_model.bin.index.json");
  assertEquals(chooseWeights(["training_args.bin", "a.pth"]), "a.pth");
  assertThrows(() => chooseWeights(["training_args.bin"]), WeightError, "none of model.safetensors");
});
