import { assert, assertEquals } from "@std/assert";
import type { GraphEncoder } from "../../core/encoder.ts";
import { createClip, parseClipOptions } from "../../encoders/clip.ts";
import { createSiglip, parseSiglipOptions } from "../../encoders/siglip.ts";
import type { FreezePolicy } from "../../trainers/freeze.ts";
import { fixtureFiles } from "./fixture_tokenizer.ts";
import { overfit } from "./overfit.ts";

/** Images of the fixtures and what is to be learnt of them. */
const captions = [
  ["full_colour.jpg", "Many colours."],
  ["palette_4.png", "一个调色板"],
  ["grey_8.png", "Grey from left to right"],
  ["plain.gif", "A GIF, plain and small"],
] as const;

/** One block over four patches. */
const vision = {
  image_size: 32,
  patch_size: 16,
  hidden_size: 32,
  num_hidden_layers: 1,
  num_attention_heads: 2,
  intermediate_size: 64,
};

const cases: readonly (readonly [label: string, encoder: GraphEncoder, policy: FreezePolicy])[] = [
  ["a frozen encoder", createClip(parseClipOptions(vision)), "decoder"],
  ["one that learns", createSiglip(parseSiglipOptions(vision)), ["decoder", "vision_model.*"]],
];

for (const [label, encoder, policy] of cases) {
  Deno.test(`train() makes a tiny model with ${label} say the captions of 4 images word for word, loss below 0.05`, async () => {
    const items = await Promise.all(captions.map(async ([name, caption]) => {
      return { file: await Deno.readFile(new URL(`../fixtures/images/${name}`, import.meta.url)), caption };
    }));
    const { before, after, answers, prepared } = await overfit(items, {
      tokenizer: fixtureFiles("v3"),
      encoder,
      decoder: {
        hidden_size: 64,
        num_hidden_layers: 2,
        num_attention_heads: 4,
        num_key_value_heads: 2,
        intermediate_size: 128,
      },
      policy,
      rows: 4,
      tokens: 96,
      epochs: 120,
      learningRate: 5e-3,
      threads: 1,
    });
    assert(after.loss < 0.05, `${after.loss}`);
    // Only the first tokens depend on the image: the others follow from those before them, which stay right.
    assert(before.loss > 3 && before.imageScore! < 0.1 && after.imageScore! > 0.15, `${after.imageScore}`);
    assertEquals(answers, captions.map(([, caption]) => caption));
    assertEquals(prepared, captions.length);
  });
}
