/**
 * A sequence under way: which row of the KV cache it has, what it takes in next, how it draws.
 *
 * @module
 */
import type { LogitBias } from "./logit_bias.ts";
import { type SamplingOptions, samplingSettings, seenGenerated, seenInPrompt } from "./sampling.ts";

/** One of the sequences of a step; the step moves it on. */
export interface Sequence {
  /** Row of the cache that holds what stands before `position`. */
  readonly row: number;
  /** Id that the next step takes in. */
  token: number;
  /** Position of that id. */
  position: number;
  /** The sampler's numbers, `[5]`. */
  readonly settings: Float32Array;
  /** Stream of the sampler's generator. */
  readonly seed: number;
  /** Ids drawn from it so far. */
  draws: number;
  /** How often each id was seen, `[V]`, as the sampler counts; only where a penalty asks for it. */
  readonly seen: Int32Array | undefined;
  /** What is added to its logits; only where something asks for it. */
  readonly bias?: LogitBias | undefined;
}

/** Where a sequence begins. */
export interface SequenceStart {
  /** Row of the cache. */
  readonly row: number;
  /** Ids of the prompt. */
  readonly ids: Int32Array;
  /** Ids of the vocabulary. */
  readonly vocabulary: number;
  /** How it draws. Default greedy. */
  readonly sampling?: SamplingOptions | undefined;
  /** What is added to its logits. Default nothing. */
  readonly bias?: LogitBias | undefined;
}

/**
 * A sequence behind a prompt, of which nothing was drawn yet.
 *
 * @throws {RangeError} if a setting is outside its range
 */
export function beginSequence({ row, ids, vocabulary, sampling, bias }: SequenceStart): Sequence {
  const settings = samplingSettings(sampling);
  const penalised = settings[4] !== 1;
  const seen = penalised ? new Int32Array(vocabulary) : undefined;
  if (seen !== undefined) { for (const id of ids) seen[id] = seenInPrompt; }
  return { row, token: -1, position: ids.length, settings, seed: sampling?.seed ?? 0, draws: 0, seen, bias };
}

/** Notes the id that was drawn: it is what the next step takes in. */
export function noteDraw(sequence: Sequence, id: number): void {
  sequence.token = id;
  sequence.draws++;
  if (sequence.seen !== undefined) sequence.seen[id]! += seenGenerated;
  sequence.bias?.note(id);
}
