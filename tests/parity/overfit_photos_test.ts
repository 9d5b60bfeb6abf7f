import { assert, assertEquals } from "@std/assert";
import { createSiglip, parseSiglipOptions } from "../../encoders/siglip.ts";
import { type Captioned, overfit } from "../unit/overfit.ts";

/** Real photos with human captions, and upstream's tokenizer. */
const folder = new URL("../../../shared/data/", import.meta.url).pathname;
const paths = { photos: `${folder}flickr8k-cn`, tokenizer: `${folder}minimind-tokenizer/head` };
const found = await Promise.all(Object.values(paths).map((path) => Deno.stat(path).then(() => true, () => false)));
const absent = found.includes(false);
if (absent) console.log("photos with captions are not beside the project: the over-fitting test is left out");

/** The first photos, captioned in English and Chinese in turn. */
async function captionedPhotos(count: number): Promise<Captioned[]> {
  const [lines, pack] = await Promise.all([
    Deno.readTextFile(`${paths.photos}/train.jsonl`),
    Deno.readFile(`${paths.photos}/train.bin`),
  ]);
  return lines.split("\n").slice(0, count).map((line, i) => {
    const { offset, length, en, zh } = JSON.parse(line);
    return { file: pack.subarray(offset, offset + length), caption: (i % 2 === 0 ? en : zh)[0] };
  });
}

Deno.test({
  name: "train() makes a vision transformer and a decoder that start from nothing say the captions of 32 photos " +
    "word for word, loss below 0.05",
  ignore: absent,
  fn: async () => {
    const items = await captionedPhotos(32);
    assertEquals(new Set(items.map(({ caption }) => caption)).size, 32);
    const { before, after, answers } = await overfit(items, {
      tokenizer: {
        tokenizer: await Deno.readTextFile(`${paths.tokenizer}/tokenizer.json`),
        config: await Deno.readTextFile(`${paths.tokenizer}/tokenizer_config.json`),
      },
      encoder: createSiglip(parseSiglipOptions({
        image_size: 64,
        patch_size: 16,
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 2,
        intermediate_size: 128,
      })),
      decoder: {
        hidden_size: 96,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        intermediate_size: 192,
      },
      policy: ["decoder", "vision_model.*"],
      rows: 8,
      tokens: 80,
      epochs: 60,
      learningRate: 3e-3,
      threads: 2,
    });
    assert(after.loss < 0.05, `${after.loss}`);
    assert(before.loss > 8 && Math.abs(before.imageScore!) < 0.1 && after.imageScore! > 0.3, `${after.imageScore}`);
    assertEquals(answers, items.map(({ caption }) => caption));
  },
});
