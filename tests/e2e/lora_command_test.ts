import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openCheckpoint } from "../../data/checkpoint.ts";
import { type LoraAdapter, readLora } from "../../data/lora_file.ts";
import { writeLora } from "../../data/lora_writer.ts";
import { seededValues } from "../unit/seeded_run.ts";
import { minimind } from "./run_command.ts";
import { TinyFolder } from "./tiny_model.ts";

const q = "model.layers.0.self_attn.q_proj";

/** An adapter of the tiny model that changes much. */
function adapterOf(layers: readonly string[] = [q, "model.layers.1.self_attn.q_proj"]): LoraAdapter {
  const matrix = (name: string, shape: readonly [number, number]) => ({
    shape,
    toFloat32: () => seededValues(name, shape[0] * shape[1]),
  });
  return {
    rank: 2,
    alpha: 2,
    layers: new Map(layers.map((name) => [name, { a: matrix(`${name}.a`, [2, 64]), b: matrix(`${name}.b`, [64, 2]) }])),
  };
}

/** A folder with the tiny model and an adapter for it. */
async function prepare(): Promise<TinyFolder & { readonly adapter: string }> {
  const folder = await TinyFolder.create();
  const adapter = `${folder.path}/style.safetensors`;
  await Deno.writeFile(adapter, writeLora(adapterOf()));
  return Object.assign(folder, { adapter });
}

async function chat(...args: string[]): Promise<string> {
  const { code, stdout, stderr } = await minimind([
    "chat",
    ...args,
    ...["--prompt", "Hello", "--temperature", "0", "--max_new_tokens", "12", "--backend", "reference", "--quiet"],
  ]);
  assertEquals([code, stderr], [0, ""]);
  return stdout;
}

Deno.test("minimind chat --lora answers as a model that convert --lora merged, and not as the base", async () => {
  await using folder = await prepare();
  const base = await chat(folder.model);
  const adapted = await chat(folder.model, "--lora", folder.adapter);
  assert(adapted !== base);
  assertEquals(await chat(folder.model, "--lora_weight", `${folder.adapter}:0`), base);
  const merged = `${folder.path}/merged`;
  const result = await minimind(
    ["convert", folder.model, merged, "--lora", folder.adapter, "--precision", "f32", "--with-encoder"],
    { allow: ["allow-read", `allow-write=${folder.path}`] },
  );
  assertEquals([result.code, result.stderr], [0, ""]);
  assertEquals(await chat(merged), adapted);
  const twice = [folder.model, "--lora", `${folder.adapter}:0.5`, "--lora", `${folder.adapter}:0.5`];
  assertEquals(await chat(...twice), adapted);
});

Deno.test("minimind chat and convert refuse an adapter that does not fit, and an adapter in place of a model", async () => {
  await using folder = await prepare();
  await Deno.writeFile(folder.adapter, writeLora(adapterOf(["model.layers.5.self_attn.q_proj"])));
  const problem = '"model.layers.5.self_attn.q_proj": the model has no such layer';
  for (const args of [["chat", folder.model, "--prompt", "x"], ["convert", folder.model, `${folder.path}/a.pth`]]) {
    const { code, stderr } = await minimind([...args, "--lora", folder.adapter]);
    assertEquals(code, 1);
    assertMatch(stderr, /^minimind: Cannot use LoRA ".*style\.safetensors": /m);
    assertStringIncludes(stderr, problem);
  }
  const alone = await minimind(["chat", folder.adapter, "--prompt", "x"]);
  assertStringIncludes(alone.stderr, 'Cannot load "style.safetensors": it is a LoRA adapter; name its base');
});

Deno.test("minimind convert turns an adapter into upstream's .pth and back", async () => {
  await using folder = await prepare();
  const allow = ["allow-read", `allow-write=${folder.path}`];
  const [pth, back] = [`${folder.path}/style.pth`, `${folder.path}/back.safetensors`];
  const first = await minimind(["convert", folder.adapter, pth, "--precision", "f32"], { allow });
  assertMatch(first.stdout, /^wrote an adapter of 2 layers to .*style\.pth: rank 2, \d+\.\d kB as f32\n$/);
  assertEquals((await minimind(["convert", pth, back, "--precision", "f32"], { allow })).code, 0);
  const { layers } = readLora(await openCheckpoint([{ name: back, bytes: await Deno.readFile(back) }]));
  assertEquals(layers.get(q)!.b.toFloat32(), adapterOf().layers.get(q)!.b.toFloat32());
  const hf = await minimind(["convert", folder.adapter, `${folder.path}/hf`], { allow });
  assertStringIncludes(hf.stderr, "name a .safetensors or a .pth");
});

Deno.test("minimind inspect describes an adapter, in text and as JSON", async () => {
  await using folder = await prepare();
  const { stdout } = await minimind(["inspect", folder.adapter]);
  assertMatch(stdout, /^adapter +LoRA of rank 2, alpha 2$/m);
  assertMatch(stdout, /^adapts +model\.layers\.\*\.self_attn\.q_proj, 2 layers$/m);
  assertMatch(stdout, /^in decoder +4 tensors, 512 parameters$/m);
  const json = JSON.parse((await minimind(["inspect", folder.adapter, "--json"])).stdout);
  assertEquals(json.adapter, { rank: 2, alpha: 2, layers: { "model.layers.*.self_attn.q_proj": 2 } });
});
