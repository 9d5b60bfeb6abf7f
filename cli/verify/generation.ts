/**
 * Stages of generation: greedy ids with and without a cache, stop ids, penalties, filtered probabilities.
 *
 * @module
 */
import { createGenerator, type GenerateOptions } from "../../core/generate.ts";
import { Graph } from "../../core/graph/mod.ts";
import { forward } from "../../core/model.ts";
import { embedBatch, placeImages } from "./batch.ts";
import type { BoundModel } from "./batch_checks.ts";
import { type Check, same, within } from "./check.ts";
import type { GoldenTensors } from "./golden.ts";
import { runGraph } from "./run_graph.ts";
import { argmax, checkSampling, type SamplingCase } from "./sampling.ts";
import { tolerances } from "./tolerances.ts";

/** `generation` of a document. */
export interface GenerationCase {
  /** The prompt, image markers included. */
  readonly prompt_ids: readonly number[];
  /** The likeliest ids. */
  readonly greedy: GreedyCase;
  /** The likeliest ids under a penalty. */
  readonly greedy_repetition_penalty?: GreedyCase & { readonly repetition_penalty: number };
  /** The likeliest ids up to one that stops. */
  readonly greedy_eos?: GreedyCase & { readonly eos_token_id: number };
  /** Filtered probabilities, by name of the settings. */
  readonly sampling?: Readonly<Record<string, SamplingCase>>;
}

/** Ids wanted of one run. */
export interface GreedyCase {
  /** Most ids. */
  readonly max_new_tokens: number;
  /** The ids after the prompt. */
  readonly new_ids: readonly number[];
}

/** Compares every run that a document tells of. */
export async function* checkGeneration(
  bound: BoundModel,
  document: GenerationCase,
  stored: GoldenTensors,
): AsyncGenerator<Check> {
  const { greedy, greedy_repetition_penalty: penalised, greedy_eos: stopped, sampling = {} } = document;
  const prompt = { ids: Int32Array.from(document.prompt_ids), features: stored.floats("gen.features") };
  const images = await projectImages(bound, prompt.features);
  const generate = (wanted: GreedyCase, options: Pick<GenerateOptions, "sampling" | "stopIds"> = {}) =>
    generateCached(bound, { ...options, ids: prompt.ids, images, maxNewTokens: wanted.max_new_tokens });
  const expected = stored.floats("gen.greedy.step_logits"); // [steps,V]
  const tolerance = tolerances.tiny.logits;

  const cached = await generate(greedy);
  yield same("generation.greedy.ids", { actual: cached.ids, expected: greedy.new_ids });
  yield within("generation.greedy.step_logits", { actual: cached.logits, expected, tolerance });
  const uncached = await logitsAfter(bound, prompt, greedy.new_ids);
  yield same("generation.greedy.uncached_ids", { actual: uncached.map(argmax), expected: greedy.new_ids });
  yield within("generation.greedy.uncached_logits", {
    actual: uncached.flatMap((row) => [...row]),
    expected,
    tolerance,
  });

  if (penalised !== undefined) {
    const { ids } = await generate(penalised, { sampling: { repetitionPenalty: penalised.repetition_penalty } });
    yield same("generation.greedy_repetition_penalty.ids", { actual: ids, expected: penalised.new_ids });
  }
  if (stopped !== undefined) {
    const { ids } = await generate(stopped, { stopIds: [stopped.eos_token_id] });
    yield same("generation.greedy_eos.ids", { actual: ids, expected: stopped.new_ids });
  }
  for (const [name, setting] of Object.entries(sampling)) {
    const logits = await logitsAfter(bound, prompt, setting.argmax_ids);
    const expected = stored.floats(`gen.sample.${name}.probs`);
    yield* checkSampling(bound, setting, {
      stage: `generation.sampling.${name}`,
      prompt: prompt.ids,
      logits,
      expected,
    });
  }
  yield { ...stored.allCompared(), stage: "generation.compared" };
}

/** Features `[images,N,C]` → embeddings `[N,D]` of each image. */
async function projectImages({ backend, model, weights }: BoundModel, features: Float32Array): Promise<Float32Array[]> {
  const { projector, decoder } = model;
  const { tokens, width } = projector.input;
  const count = features.length / (tokens * width);
  const graph = new Graph();
  const input = graph.input("features", "f32", [count, tokens, width]);
  graph.output("embeddings", projector.project(graph, input));
  const outputs = await runGraph(backend, graph, { weights, inputs: { features } });
  const embeddings = outputs.get("embeddings") as Float32Array;
  const size = tokens * decoder.width;
  return Array.from({ length: count }, (_, i) => embeddings.subarray(i * size, (i + 1) * size));
}

/** Ids as a generator draws them, and the logits `[steps · V]` of every step. */
async function generateCached(
  { backend, model, weights }: BoundModel,
  options: GenerateOptions & { maxNewTokens: number },
): Promise<{ ids: number[]; logits: number[] }> {
  const context = options.ids.length + options.maxNewTokens;
  using generator = createGenerator(backend, model, { weights, context, ahead: false });
  const ids: number[] = [];
  const logits: number[] = [];
  for await (const id of generator.generate(options)) {
    ids.push(id);
    logits.push(...await generator.read("logits"));
  }
  return { ids, logits };
}

/**
 * Logits `[V]` before each of the ids that follow a prompt, all from one run without a cache: a token's logits
 * depend on nothing behind it.
 */
async function logitsAfter(
  { backend, model, weights }: BoundModel,
  { ids, features }: { readonly ids: Int32Array; readonly features: Float32Array },
  newIds: readonly number[],
): Promise<Float32Array[]> {
  const { tokens, width } = model.projector.input;
  const perRow = features.length / (tokens * width);
  const T = ids.length + newIds.length - 1;
  const index = new Int32Array(T).fill(-1);
  index.set(placeImages(ids, { model, shape: [1, ids.length], perRow }));
  const graph = new Graph();
  const batch = { shape: [1, T] as const, ids: Int32Array.of(...ids, ...newIds.slice(0, -1)), index, features };
  const { hidden, inputs } = embedBatch(graph, model, batch);
  graph.output("logits", forward(graph, model, { hidden }).logits);
  const outputs = await runGraph(backend, graph, { weights, inputs });
  const logits = outputs.get("logits") as Float32Array; // [1,T,V]
  const V = model.decoder.vocabulary;
  return newIds.map((_, i) => logits.subarray((ids.length - 1 + i) * V, (ids.length + i) * V));
}
