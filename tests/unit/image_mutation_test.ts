import { assert, assertEquals, assertGreater, assertLess } from "@std/assert";
import { ImageError } from "../../core/errors.ts";
import { loadImage } from "../../data/image/mod.ts";
import { imageFiles, readImageFile } from "./image_fixtures.ts";
import { mutate, repairChecksums } from "./image_mutations.ts";

/** Mutations of each file. */
const mutations = 120;

Deno.test("loadImage() makes an image or an ImageError of every file damaged in 120 ways each", async () => {
  const outcomes = { image: 0, error: 0 };
  let longest = 0;
  for (const name of imageFiles()) {
    const file = readImageFile(name);
    for (let seed = 0; seed < mutations; seed++) {
      const mutated = mutate(file, seed);
      if (name.endsWith(".png") && seed % 2 === 1) repairChecksums(mutated);
      const start = performance.now();
      try {
        const { width, height, data } = await loadImage(mutated, { name, maxPixels: 1e6 });
        assertEquals(data.length, 3 * width * height);
        assertLess(width * height, 1e6 + 1);
        outcomes.image++;
      } catch (error) {
        assert(error instanceof ImageError, `${name}, seed ${seed}: ${error}`);
        assert(error.message.startsWith(`Cannot load "${name}"`), error.message);
        outcomes.error++;
      }
      longest = Math.max(longest, performance.now() - start);
    }
  }
  assertGreater(outcomes.image, 1000);
  assertGreater(outcomes.error, 3000);
  assertLess(longest, 10_000);
});
