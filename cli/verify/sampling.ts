/**
 * Stages of the sampler: probabilities after all filters, from logits known to be right.
 *
 * @module
 */
import { Graph } from "../../core/graph/mod.ts";
import { samplingSettings, seenGenerated, seenInPrompt } from "../../core/sampling.ts";
import type { BoundModel } from "./batch_checks.ts";
import { type Check, same, within } from "./check.ts";
import { runGraph } from "./run_graph.ts";
import { tolerances } from "./tolerances.ts";

/** Settings, and the ids of a run that always takes the likeliest. */
export interface SamplingCase {
  /** Divides the logits. */
  readonly temperature: number;
  /** Ids kept at most, 0 for all. */
  readonly top_k: number;
  /** Mass kept at most. */
  readonly top_p: number;
  /** Penalty on ids seen before. */
  readonly repetition_penalty: number;
  /** The likeliest id of each step, which the next step follows. */
  readonly argmax_ids: readonly number[];
}

/** Steps of one run. */
export interface SampledSteps {
  /** Front of the stages' names. */
  readonly stage: string;
  /** Ids before the first step. */
  readonly prompt: Int32Array;
  /** Logits `[V]` of every step. */
  readonly logits: readonly Float32Array[];
  /** Probabilities wanted, `[steps,V]`. */
  readonly expected: Float32Array;
}

/** Compares which ids are kept, their probabilities, and the likeliest. */
export async function* checkSampling(
  bound: BoundModel,
  setting: SamplingCase,
  { stage, expected, ...steps }: SampledSteps,
): AsyncGenerator<Check> {
  const actual = await filteredProbabilities(bound, { ...steps, setting });
  const kept = (probabilities: Float32Array) => Array.from(probabilities, (p) => p > 0);
  yield same(`${stage}.kept`, { actual: kept(actual), expected: kept(expected) });
  yield within(`${stage}.probabilities`, { actual, expected, tolerance: tolerances.probabilities });
  const V = bound.model.decoder.vocabulary;
  const likeliest = steps.logits.map((_, i) => argmax(actual.subarray(i * V, (i + 1) * V)));
  yield same(`${stage}.likeliest`, { actual: likeliest, expected: setting.argmax_ids });
}

/** Runs the sample kernel on each step's logits, one step a row: probabilities `[steps,V]`. */
async function filteredProbabilities(
  { backend, model, weights }: BoundModel,
  { logits, prompt, setting }: {
    readonly logits: readonly Float32Array[];
    readonly prompt: Int32Array;
    readonly setting: SamplingCase;
  },
): Promise<Float32Array> {
  const [B, V] = [logits.length, model.decoder.vocabulary];
  const settings = samplingSettings({
    temperature: setting.temperature,
    topK: setting.top_k,
    topP: setting.top_p,
    repetitionPenalty: setting.repetition_penalty,
  });
  const seen = new Int32Array(B * V);
  for (let b = 0; b < B; b++) {
    for (const id of prompt) seen[b * V + id] = seenInPrompt;
    for (const id of setting.argmax_ids.slice(0, b)) seen[b * V + id]! += seenGenerated;
  }
  const graph = new Graph();
  const probabilities = graph.sample(
    graph.input("logits", "f32", [B, V]),
    graph.input("settings", "f32", [B, 5]),
    {
      id: graph.state("id", "i32", [B]),
      seen: graph.state("seen", "i32", [B, V]),
      random: graph.state("random", "i32", [B, 2]),
    },
  );
  graph.output("probabilities", probabilities);
  const inputs = {
    logits: Float32Array.from(logits.flatMap((row) => [...row])),
    settings: Float32Array.from(logits.flatMap(() => [...settings])),
  };
  const outputs = await runGraph(backend, graph, { weights, inputs, states: { seen } });
  return outputs.get("probabilities") as Float32Array;
}

/** The first place of the largest number. */
export function argmax(row: Float32Array): number {
  return row.indexOf(row.reduce((best, value) => Math.max(best, value), -Infinity));
}
