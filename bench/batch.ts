/**
 * `deno run --no-lock --allow-all bench/batch.ts [--threads N] [--rounds N] [--only PATTERN]`: 24 answers of 24 tokens,
 * one after the other or several at once, behind an image and a question or behind almost nothing, greedy and by beam
 * search. Weights are random; the sizes are the demo's, smaller and larger, and MiniMind2-Small's.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import {
  bindModel,
  createGenerator,
  createLinearProjector,
  createMiniMind,
  createModel,
  createWasmBackend,
  type GenerateOptions,
  parseMiniMindOptions,
  planParameters,
} from "../engine.ts";
import { formatResults, race, type Result } from "./harness.ts";
import { randomFloats, randomWeights } from "./random_weights.ts";

const flags = parseArgs(Deno.args, { string: ["threads", "rounds", "only"] });
const [threads, rounds] = [Number(flags.threads ?? 2), Number(flags.rounds ?? 7)];

/** Width, blocks, heads, key heads, inner width, ids, image tokens. */
const sizes = {
  "192×4": [192, 4, 6, 3, 512, 4000, 25],
  "256×6": [256, 6, 8, 4, 704, 4000, 100],
  "512×8 (26M)": [512, 8, 8, 2, 1408, 6400, 196],
} as const;

const [answers, tokens, beams] = [24, 24, 3];
const results: Result[] = [];
for (const [name, [width, blocks, heads, keyHeads, inner, vocabulary, imageTokens]] of Object.entries(sizes)) {
  if (!name.includes(flags.only ?? "")) continue;
  const model = createModel({
    projector: createLinearProjector({ input: { tokens: imageTokens, width }, width }),
    decoder: createMiniMind(parseMiniMindOptions({
      generation: 3,
      hidden_size: width,
      num_hidden_layers: blocks,
      num_attention_heads: heads,
      num_key_value_heads: keyHeads,
      intermediate_size: inner,
      vocab_size: vocabulary,
    })),
    placeholder: { marker: 3, tokens: imageTokens, match: "run" },
  });
  await using backend = await createWasmBackend({ threads });
  const weights = bindModel(backend, model, { sources: [randomWeights(planParameters(model), 1)] });
  const context = Math.ceil((imageTokens + 20 + tokens) / 16) * 16;
  const images = Array.from({ length: answers }, (_, i) => randomFloats(imageTokens * width, i));
  const question = (i: number) => Array.from({ length: 20 }, (_, t) => 4 + (i * 37 + t * 11) % (vocabulary - 4));
  const captions = images.map((image, i): GenerateOptions => {
    return { ids: [...Array(imageTokens).fill(3), ...question(i)], images: [image], maxNewTokens: tokens };
  });
  const texts = images.map((_, i): GenerateOptions => ({ ids: question(i).slice(0, 4), maxNewTokens: tokens }));
  const works = {
    [`${name}, decoding`]: { prompts: texts, rows: [1, 2, 4, 8, 24] },
    [`${name}, captions`]: { prompts: captions, rows: [1, 8, 24] },
    [`${name}, captions, ${beams} beams`]: {
      prompts: captions.map((prompt) => ({ ...prompt, beams: { count: beams } })),
      rows: [beams, 8 * beams],
    },
  };
  for (const [work, { prompts, rows }] of Object.entries(works)) {
    const generators = rows.map((rows) => createGenerator(backend, model, { weights, context, rows }));
    const contenders = generators.map((generator) => ({
      name: `${generator.rows} rows`,
      async run() {
        const each = async ({ images = [], ...prompt }: GenerateOptions) => {
          // Other images each time, so that nothing of a prompt is still in the cache.
          const fresh = images.map((image) => image.slice());
          for await (const _ of generator.generate({ ...prompt, images: fresh }));
        };
        await Promise.all(prompts.map(each));
      },
    }));
    results.push(...await race({ work, amount: answers * tokens, unit: "tok/s", contenders, rounds }));
    for (const generator of generators) generator[Symbol.dispose]();
  }
}
console.log(`${threads} threads, load ${Deno.loadavg()[0]!.toFixed(1)}, ${answers} answers of ${tokens} tokens\n`);
console.log(formatResults(results));
