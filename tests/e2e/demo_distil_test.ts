import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readSafetensors, writeSafetensors } from "../../data/safetensors.ts";
import { teacherWeights } from "../unit/demo_teacher_weights.ts";

const root = new URL("../../", import.meta.url);
const encoder = {
  image_size: 36,
  stem_widths: [4, 8],
  stem_strides: [2, 3],
  stem_depths: [0, 1],
  hidden_size: 8,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 16,
};

/** A folder with packs of the fixtures' photos and a narrow teacher. */
async function makeData(): Promise<string> {
  const data = await Deno.makeTempDir();
  const images = new URL("tests/fixtures/images/", root);
  const files = ["baseline.jpg", "full_colour.jpg", "progressive.jpg", "restarts.jpg"].map((name) =>
    Deno.readFileSync(new URL(name, images))
  );
  for (const path of ["flickr8k-cn/train", "flickr8k-cn/val", "tiny-imagenet-126/train"]) {
    await Deno.mkdir(`${data}/${path.split("/")[0]}`, { recursive: true });
    let offset = 0;
    const lines = files.map(({ length }) => JSON.stringify({ offset: (offset += length) - length, length }));
    await Deno.writeFile(`${data}/${path}.bin`, new Uint8Array(await new Blob(files).arrayBuffer()));
    await Deno.writeTextFile(`${data}/${path}.jsonl`, `${lines.join("\n")}\n`);
  }
  const weights = teacherWeights({ stem: 4, hidden: 8, width: 4, features: 1280 });
  await Deno.mkdir(`${data}/mobilenetv2-035-imagenet`);
  const file = `${data}/mobilenetv2-035-imagenet/mobilenetv2_035_224_base.safetensors`;
  await Deno.writeFile(file, writeSafetensors(weights));
  await Deno.writeTextFile(`${data}/encoder.json`, JSON.stringify(encoder));
  return data;
}

async function distil(data: string, out: string, ...flags: string[]): Promise<{ success: boolean; error: string }> {
  const script = new URL("models/demo/recipe/distil.ts", root);
  const numbers = ["--views", "2", "--validation", "4", "--warmup", "2", "--cooldown", "1", "--survey", "16"];
  const { success, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["run", "-A", "--no-check", script.href, "--data", data, "--config", `${data}/encoder.json`]
      .concat(["--out", out], numbers, flags),
    cwd: root,
  }).output();
  return { success, error: new TextDecoder().decode(stderr) };
}

Deno.test("distil.ts learns, goes on where it was ended with the same bits, and leaves a model folder", async () => {
  const data = await makeData();
  const run = async (out: string, ...flags: string[]) => {
    const { success, error } = await distil(data, `${data}/${out}`, ...flags);
    assert(success, error);
    return await Deno.readFile(`${data}/${out}/state.safetensors`);
  };
  const whole = await run("whole", "--steps", "30");
  await run("parts", "--steps", "13");
  assertEquals(await run("parts", "--steps", "30"), whole);
  const { metadata } = readSafetensors(whole);
  assertEquals(metadata.get("step"), "30");

  const lines = (await Deno.readTextFile(`${data}/whole/metrics.jsonl`)).trim().split("\n");
  const entries = lines.map((line) => JSON.parse(line) as Record<string, number>);
  const losses = entries.flatMap(({ loss }) => loss ?? []);
  assert(losses.at(-1)! < losses[0]!, `the loss went from ${losses[0]} to ${losses.at(-1)}`);
  assert(entries.some((entry) => "validation" in entry), "nothing was validated");

  const { tensors } = readSafetensors(await Deno.readFile(`${data}/whole/encoder/model.safetensors`));
  assertEquals(tensors.get("vision_model.stem.0.0.conv.weight")?.shape, [4, 3, 3, 3]);
  assertEquals([...tensors.keys()].filter((name) => !name.startsWith("vision_model.")), []);
  assertEquals(JSON.parse(await Deno.readTextFile(`${data}/whole/encoder/config.json`)), encoder);

  const { success, error } = await distil(data, `${data}/whole`, "--seed", "2");
  assertEquals(success, false);
  assertStringIncludes(error, "Cannot go on with");
  await Deno.remove(data, { recursive: true });
});
