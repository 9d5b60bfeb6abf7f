/**
 * A thousand generations in a row on WebGPU: what is on the device, and the memory of the process.
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
import { randomWeights } from "../random_weights.ts";
import type { Report } from "./side.ts";
import type { WebGpuSides } from "./webgpu.ts";

const shown = [1, 10, 100, 500, 1000];

/** Answers of a generator before it is disposed and another one loads its programs anew. */
const perGenerator = 10;

/** Frees what nothing refers to any more; there with `--v8-flags=--expose-gc`. */
const collectGarbage = (globalThis as { readonly gc?: () => void }).gc;

/**
 * Answers of 4 ids to prompts of 4 to 22 by a tiny model, every ten by a new generator. The process ends with code 1 if
 * there is more on the device at the end than after the tenth.
 */
export async function generations({ backend }: WebGpuSides): Promise<Report> {
  const options = parseMiniMindOptions({
    generation: 2,
    hidden_size: 32,
    num_hidden_layers: 2,
    num_attention_heads: 4,
    num_key_value_heads: 2,
    vocab_size: 64,
  });
  const model = createModel({
    projector: createLinearProjector({ input: { tokens: 4, width: 16 }, width: options.hiddenSize }),
    decoder: createMiniMind(options),
    placeholder: { marker: 63, tokens: 4, match: "exact" },
  });
  const before = backend.usedBytes;
  const weights = bindModel(backend, model, { sources: [randomWeights(planParameters(model), 1)] });
  const notes: string[] = [];
  const bytes = new Map<number, number>();
  for (let done = 0; done < shown.at(-1)!;) {
    using generator = createGenerator(backend, model, { weights, context: 64, pieces: [8] });
    for (let i = 0; i < perGenerator; i++) {
      const ids = Array.from({ length: 4 + 2 * i }, (_, at) => (done * 7 + at * 5) % 60);
      const sampling = i % 2 === 0 ? {} : { temperature: 0.9, topK: 20, topP: 0.9, seed: done };
      await Array.fromAsync(generator.generate({ ids, maxNewTokens: 4, sampling }));
      if (!shown.includes(++done)) continue;
      collectGarbage?.();
      bytes.set(done, backend.usedBytes);
      notes.push(
        `after ${done} generations: ${backend.usedBytes} bytes on the device, ` +
          `${(Deno.memoryUsage().rss / 2 ** 20).toFixed(1)} MiB of the process, ${backend.pipelineCount} pipelines`,
      );
    }
  }
  for (const storage of weights.values()) backend.free(storage);
  notes.push(`all freed: ${backend.usedBytes - before} bytes more on the device than before, kept to read through`);
  const growth = bytes.get(shown.at(-1)!)! - bytes.get(perGenerator)!;
  if (growth > 0) {
    notes.push(`the device holds ${growth} bytes more than after ${perGenerator} generations: a leak`);
    Deno.exitCode = 1;
  }
  return { results: [], notes };
}
