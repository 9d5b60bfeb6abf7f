import { assert, assertEquals, assertNotEquals, assertStringIncludes } from "@std/assert";
import { readSafetensors } from "../../data/safetensors.ts";
import { loadModel } from "../../sdk/load_model.ts";
import { openPacked } from "../../models/demo/mod.ts";
import { distil, makeData, root, stage } from "./demo_recipe.ts";
import { minimind } from "./run_command.ts";

const photos = new URL("tests/fixtures/images/", root).pathname;
const decoder = {
  model_type: "minimind",
  hidden_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  num_key_value_heads: 1,
  intermediate_size: 64,
  max_position_embeddings: 256,
};

Deno.test("the recipe's later stages: a start drawn from its seed, training with the encoder, the embedded model", async () => {
  const data = await makeData();
  const at = (name: string) => `${data}/${name}`;
  const rows = ["baseline.jpg", "full_colour.jpg"].flatMap((image) =>
    ["What is this?", "这是什么？"].map((question) => ({
      image,
      conversations: [
        { role: "user", content: `<image>\n${question}` },
        { role: "assistant", content: `A picture: ${image}` },
      ],
    }))
  );
  await Deno.writeTextFile(at("rows.jsonl"), rows.map((row) => JSON.stringify(row)).join("\n"));
  await Deno.writeTextFile(at("decoder.json"), JSON.stringify(decoder));
  const run = async (args: readonly string[]) => {
    const { code, stderr } = await minimind(args, { allow: ["allow-read", "allow-write"] });
    assertEquals(code, 0, stderr);
  };
  const step = async (...[script, args]: Parameters<typeof stage>) => {
    const { success, error } = await stage(script, args);
    assert(success, error);
  };
  const weightsOf = async (folder: string) => readSafetensors(await Deno.readFile(at(`${folder}/model.safetensors`)));

  assert((await distil(data, at("encoder"), "--steps", "1")).success);
  await run(["tokenizer", "train", at("rows.jsonl"), "--vocab-size", "300", "--out", at("tokenizer")]);
  const parts = ["--encoder", at("encoder/encoder"), "--tokenizer", at("tokenizer"), "--decoder", at("decoder.json")];
  for (const [out, seed] of [["start", "42"], ["again", "42"], ["other", "43"]] as const) {
    await step("start.ts", [...parts, "--out", at(out), "--seed", seed]);
  }
  const [start, again, other] = await Promise.all(["start", "again", "other"].map(weightsOf));
  for (const [name, { bytes }] of start!.tensors) {
    assertEquals(again!.tensors.get(name)!.bytes, bytes, name);
    const drawn = /proj\.weight$|embed_tokens/.test(name) && !name.startsWith("vision_encoder.");
    if (drawn) assertNotEquals(other!.tensors.get(name)!.bytes, bytes, name);
    else if (name.startsWith("vision_encoder.")) assertEquals(other!.tensors.get(name)!.bytes, bytes, name);
  }

  const train = ["train", "sft", "--model", at("start"), "--data", at("rows.jsonl"), "--images", photos, "--pack"];
  const learns = ["--freeze", "sft", "--freeze", "vision_model.*", "--flip", "--token-dropout", "0.1"];
  await run([...train, ...learns, "--max-seq-len", "128", "--epochs", "2", "--batch-size", "1", "--out", at("out")]);
  await step("embed.ts", ["--model", at("out"), "--out", at("demo.json")]);

  const packed = await Deno.readTextFile(at("demo.json"));
  assert(/^[\0-\x7f]+$/.test(packed));
  const files = openPacked(JSON.parse(packed));
  await Deno.mkdir(at("unpacked"));
  for (const name of await files.list()) await Deno.writeFile(at(`unpacked/${name}`), await files.read(name));
  const model = { model: at("unpacked"), backend: "reference" };
  await using chat = await loadModel(model, { base: new URL("file:///") });
  const image = await Deno.readFile(`${photos}baseline.jpg`);
  const content = [{ type: "image", image }, { type: "text", text: "What is this?" }] as const;
  const events = await Array.fromAsync(chat.chat([{ role: "user", content }], { maxNewTokens: 4 }));
  assertEquals(events.at(-1)?.type, "finish");
  assertEquals(chat.parts.model.encoder!.name, "tiny");

  const { success, error } = await stage("start.ts", ["--out", at("nothing")]);
  assertEquals(success, false);
  assertStringIncludes(error, "Cannot put a model together: name --encoder, --tokenizer and --out");
  await Deno.remove(data, { recursive: true });
});
