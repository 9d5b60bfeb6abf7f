import { assert, assertGreater, assertLess } from "@std/assert";
import { drawIntegers } from "../../cli/verify/number_generator.ts";
import { loadModel } from "../../sdk/mod.ts";
import { imagePath, TinyFolder } from "../e2e/tiny_model.ts";
import { mutate } from "./image_mutations.ts";

/** Files that a folder may have beside those of the tiny model. */
const more = {
  "preprocessor_config.json": {
    image_processor_type: "CLIPImageProcessor",
    do_resize: true,
    size: { shortest_edge: 32 },
    resample: 3,
    do_center_crop: true,
    crop_size: { height: 32, width: 32 },
    do_normalize: true,
    image_mean: [0.5, 0.5, 0.5],
    image_std: [0.5, 0.5, 0.5],
  },
  "generation_config.json": { temperature: 0.7, top_p: 0.9, top_k: 20, repetition_penalty: 1.1, max_new_tokens: 20 },
};

/** Values that do not belong where they are put. */
const junk = [null, true, -1, 0, 1.5, 1e9, 2 ** 53, 1e308, "", "x", [], {}, [[]], [1, 2, 3], "__proto__"];

/** Draws whole numbers below a limit, the same ones for the same seed. */
function dice(seed: number): (limit: number) => number {
  let offset = 0;
  return (limit) => drawIntegers({ seed, offset: offset++, count: 1 }, { low: 0, high: limit })[0]!;
}

/** Removes a value of a JSON text, scales a number, or puts something else in its place. */
function mutateJson(text: string, roll: (limit: number) => number): string {
  const root: Record<string, unknown> = JSON.parse(text);
  const places: [Record<string, unknown>, string][] = [];
  const visit = (object: Record<string, unknown>) => {
    for (const key of Object.keys(object).slice(0, 40)) {
      places.push([object, key]);
      if (typeof object[key] === "object" && object[key] !== null) visit(object[key] as Record<string, unknown>);
    }
  };
  visit(root);
  const [object, key] = places[roll(places.length)]!;
  const value = object[key];
  if (roll(4) === 0) delete object[key];
  else if (typeof value === "number" && roll(2) === 0) object[key] = value * [2, 0.5, -1, 1000][roll(4)]!;
  else object[key] = junk[roll(junk.length)];
  return JSON.stringify(root);
}

Deno.test("loadModel() answers from a folder with a file damaged in 300 ways, or refuses it clearly, within 10 s each", async () => {
  await using folder = await TinyFolder.create();
  for (const [name, value] of Object.entries(more)) {
    await Deno.writeTextFile(`${folder.model}/${name}`, JSON.stringify(value));
  }
  const names = [...Deno.readDirSync(folder.model)].map(({ name }) => name).sort();
  const image = await Deno.readFile(imagePath("baseline.jpg"));
  const content = [{ type: "image", image }, { type: "text", text: "Hi" }] as const;
  const ends = { answered: 0, refused: 0 };
  for (let seed = 1; seed <= 300; seed++) {
    const roll = dice(seed);
    const name = names[seed % names.length]!;
    const path = `${folder.model}/${name}`;
    const file = await Deno.readFile(path);
    const text = new TextDecoder().decode(file);
    const damaged = name.endsWith(".json") && roll(3) > 0
      ? new TextEncoder().encode(mutateJson(text, roll))
      : mutate(file, seed);
    await Deno.writeFile(path, damaged);
    const start = performance.now();
    try {
      const config = { model: folder.model, backend: { use: "wasm", options: { threads: 1 } } };
      await using model = await loadModel(config);
      for await (const event of model.chat([{ role: "user", content }], { maxNewTokens: 2 })) assert(event.type);
      ends.answered++;
    } catch (error) {
      const clear = error instanceof Error && /^Cannot .*[^.]$/.test(error.message);
      if (!clear) throw new Error(`Cannot accept seed ${seed}, ${name}`, { cause: error });
      ends.refused++;
    }
    assertLess(performance.now() - start, 10_000, `seed ${seed}, ${name}`);
    await Deno.writeFile(path, file);
  }
  assertGreater(ends.answered, 30);
  assertGreater(ends.refused, 100);
});
