import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { openCheckpoint } from "../../data/checkpoint.ts";
import { writeSafetensors } from "../../data/safetensors_writer.ts";

const door = new URL("../../mod.ts", import.meta.url).href;
const fixture = new URL("../fixtures/goldens/v2-dense/", import.meta.url);

/** Runs `minimind convert` in a folder, which is all it may touch. */
async function convert(folder: string, ...args: string[]): Promise<{ code: number; stdout: string; stderr: string }> {
  const command = new Deno.Command(Deno.execPath(), {
    args: ["run", "--no-prompt", "--allow-read", `--allow-write=${folder}`, door, "convert", ...args],
    cwd: folder,
    env: { NO_COLOR: "1" },
    stdin: "null",
  });
  const { code, stdout, stderr } = await command.output();
  return { code, stdout: new TextDecoder().decode(stdout), stderr: new TextDecoder().decode(stderr) };
}

/** A folder with a small model, `from.safetensors` and `from.json`, and with a tokenizer. */
async function withModel(use: (folder: string) => Promise<void>): Promise<void> {
  const folder = await Deno.makeTempDir();
  try {
    await Deno.copyFile(new URL("weights.safetensors", fixture), `${folder}/from.safetensors`);
    const { config } = JSON.parse(await Deno.readTextFile(new URL("case.json", fixture)));
    await Deno.writeTextFile(`${folder}/from.json`, JSON.stringify(config));
    await Deno.mkdir(`${folder}/tokenizer`);
    await Deno.writeTextFile(`${folder}/tokenizer/tokenizer.json`, "{}");
    await Deno.writeTextFile(`${folder}/tokenizer/notes.txt`, "not a model's");
    await use(folder);
  } finally {
    await Deno.remove(folder, { recursive: true });
  }
}

const names = (folder: string) => [...Deno.readDirSync(folder)].map(({ name }) => name).sort();

const open = async (path: string) => await openCheckpoint([{ name: path, bytes: Deno.readFileSync(path) }]);

Deno.test("minimind convert goes from safetensors to .pth, folder and back without changing a number in f32", async () => {
  await withModel(async (folder) => {
    const first = await convert(folder, "from.safetensors", "a.pth", "--config", "from.json", "--precision", "f32");
    assertEquals([first.code, first.stderr], [0, ""]);
    assertMatch(
      first.stdout,
      /^wrote a model of generation 2 to a\.pth: 23 tensors, 7,160 parameters, .* kB as f32\n$/,
    );
    const flags = ["--config", "from.json", "--precision", "f32", "--tokenizer", "tokenizer"];
    const second = await convert(folder, "a.pth", "hf", ...flags);
    assertEquals([second.code, second.stderr], [0, ""]);
    assertEquals(names(`${folder}/hf`), [
      "config.json",
      "generation_config.json",
      "model.safetensors",
      "tokenizer.json",
    ]);
    const third = await convert(folder, "hf", "out/", "--format", "pth", "--precision", "f32");
    assertStringIncludes(third.stdout, "to out/sft_vlm_20.pth: 23 tensors");
    assertEquals(Deno.readFileSync(`${folder}/out/sft_vlm_20.pth`).length, Deno.readFileSync(`${folder}/a.pth`).length);
    const expected = (await open(`${folder}/from.safetensors`)).tensors;
    const actual = (await open(`${folder}/out/sft_vlm_20.pth`)).tensors;
    assertEquals([...actual.keys()].sort(), [...expected.keys()].sort());
    for (const [name, tensor] of expected) assertEquals(actual.get(name)!.toFloat32(), tensor.toFloat32());
  });
});

Deno.test("minimind convert replaces a file only with --force, and then as a whole", async () => {
  await withModel(async (folder) => {
    await Deno.writeTextFile(`${folder}/b.pth`, "mine");
    const args = ["from.safetensors", "b.pth", "--config", "from.json"];
    const refused = await convert(folder, ...args);
    assertEquals([refused.code, refused.stdout], [1, ""]);
    assertStringIncludes(refused.stderr, 'Cannot write "b.pth": already there; --force replaces it');
    assertEquals(Deno.readTextFileSync(`${folder}/b.pth`), "mine");
    assertEquals((await convert(folder, ...args, "--force")).code, 0);
    assertEquals((await open(`${folder}/b.pth`)).tensors.get("model.norm.weight")!.dtype, "F16");
  });
});

Deno.test("minimind convert leaves nothing behind when a number does not fit, and tells which", async () => {
  await withModel(async (folder) => {
    const tensors = [...(await open(`${folder}/from.safetensors`)).tensors];
    const large = new Map(tensors.map(([name, tensor]) => {
      const values = tensor.toFloat32().slice();
      if (name === "model.norm.weight") values[2] = 1e6;
      return [name, { shape: tensor.shape, values }];
    }));
    await Deno.writeFile(`${folder}/large.safetensors`, writeSafetensors(large));
    const before = names(folder);
    const args = ["large.safetensors", "c.pth", "--config", "from.json"];
    const { code, stderr } = await convert(folder, ...args);
    assertEquals(code, 1);
    assertStringIncludes(stderr, 'Cannot write "model.norm.weight" as f16: element 2 is 1000000, which is too large');
    assertEquals(names(folder), before);
    assertEquals((await convert(folder, ...args, "--precision", "bf16")).code, 0);
    assertEquals((await convert(folder, ...args, "--allow-overflow", "--force")).code, 0);
    assertEquals((await open(`${folder}/c.pth`)).tensors.get("model.norm.weight")!.toFloat32()[2], Infinity);
  });
});

Deno.test("minimind convert names what is wrong with its arguments", async () => {
  await withModel(async (folder) => {
    const message = async (...args: string[]) => (await convert(folder, ...args)).stderr;
    assertStringIncludes(await message("a"), "name what to read and what to write");
    assertStringIncludes(await message("a.pth", "b", "--precision", "f8"), '"f8" is not one of f16, f32, bf16');
    assertStringIncludes(await message("a.pth", "b", "--format", "gguf"), '"gguf" is not one of pth, safetensors, hf');
    assertStringIncludes(await message("none.pth", "b"), "there is no such file");
    const encoder = await message("from.safetensors", "b", "--config", "from.json", "--with-encoder");
    assertStringIncludes(encoder, "the model has no encoder's tensors");
    assert(!names(folder).includes("b"));
  });
});
