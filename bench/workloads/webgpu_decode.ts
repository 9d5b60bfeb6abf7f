/**
 * Decoding on WebGPU: what a token costs near the beginning of a context and far from it, and how fast tokens come when
 * each is waited for and when the device runs ahead.
 *
 * @module
 */
import {
  bindModel,
  createGenerator,
  createLinearProjector,
  createMiniMind,
  createModel,
  parseMiniMindOptions,
  planParameters,
} from "../../engine.ts";
import { race, type Result } from "../harness.ts";
import { randomWeights } from "../random_weights.ts";
import type { Report } from "./side.ts";
import type { WebGpuSides } from "./webgpu.ts";

/** Decoders by name, and how many tokens of an answer are counted and timed. */
const sizes = {
  "192×4, 4000 ids": {
    newTokens: 32,
    decoder: {
      generation: 3,
      hidden_size: 192,
      num_hidden_layers: 4,
      num_attention_heads: 6,
      num_key_value_heads: 3,
      head_dim: 32,
      intermediate_size: 512,
      vocab_size: 4000,
    },
  },
  "26M": { newTokens: 12, decoder: { generation: 2 } },
};

/** Submissions, dispatches and reads of a token, and a race of one at a time against running ahead. */
export async function decode({ backend, rounds }: WebGpuSides): Promise<Report> {
  const results: Result[] = [];
  const notes: string[] = [];
  for (const [name, { newTokens, decoder }] of Object.entries(sizes)) {
    const options = parseMiniMindOptions(decoder);
    const model = createModel({
      projector: createLinearProjector({ input: { tokens: 196, width: 768 }, width: options.hiddenSize }),
      decoder: createMiniMind(options),
      placeholder: { marker: 34, tokens: 196, match: "exact" },
    });
    const weights = bindModel(backend, model, { sources: [randomWeights(planParameters(model), 1)] });
    const make = (ahead: boolean) => createGenerator(backend, model, { weights, context: 128, pieces: [16], ahead });
    const generators = { "one at a time": make(false), "ahead": make(true) };
    for (const [way, generator] of Object.entries(generators)) {
      for (const length of [16, 64]) {
        const ids = Array.from({ length }, (_, i) => 100 + i);
        let before = { ...backend.counts };
        let drawn = 0;
        for await (const _ of generator.generate({ ids, maxNewTokens: newTokens })) {
          if (drawn++ === 0) before = { ...backend.counts }; // the prompt is in
        }
        const each = (count: keyof typeof before) => {
          return Number(((backend.counts[count] - before[count]) / (drawn - 1)).toFixed(2));
        };
        notes.push(
          `${name}, ${way}, a token behind ${length}: ${each("submissions")} submissions, ` +
            `${each("dispatches")} dispatches, ${each("reads")} reads; ` +
            `${(backend.usedBytes / 1e6).toFixed(1)} MB on the device`,
        );
      }
    }
    const contenders = Object.entries(generators).map(([way, generator]) => ({
      name: way,
      async run() {
        await Array.fromAsync(generator.generate({ ids: [1, 2, 3, 4], maxNewTokens: newTokens }));
      },
    }));
    results.push(...await race({ work: `decode ${name}`, amount: newTokens, unit: "tok/s", contenders, rounds }));
    for (const generator of Object.values(generators)) generator[Symbol.dispose]();
    for (const storage of weights.values()) backend.free(storage);
  }
  return { results, notes };
}
