import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { readSafetensors } from "../../data/safetensors.ts";
import { distil, encoder, makeData } from "./demo_recipe.ts";

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
