/**
 * Cases of sample. Ids must be equal, so every draw is well away from the steps of its distribution.
 *
 * @module
 */
import { samplingSettings } from "../../core/sampling.ts";
import type { SamplingOptions } from "../../core/sampling.ts";
import { type KernelCase, kernelCase, noise } from "./case.ts";

/** What a sampling case is made of; rows take the options in turn. */
interface SampleSpec {
  readonly B?: number;
  readonly V: number;
  readonly options: readonly SamplingOptions[];
  readonly logits?: Iterable<number>;
  readonly seen?: Iterable<number>;
  readonly random?: readonly number[];
  readonly runs?: number;
}

function sampleCase(label: string, spec: SampleSpec): KernelCase {
  const { B = 1, V, options, runs = 6 } = spec;
  const what = { kernel: "sample", label: `${label}, ${V} ids, batch ${B}`, tolerance: 1e-5, runs } as const;
  return kernelCase(what, (c) => {
    const rows = Array.from({ length: B }, (_, b) => samplingSettings(options[b % options.length]));
    const random = spec.random ?? rows.flatMap((_, b) => [options[b % options.length]!.seed ?? b, 0]);
    const id = c.counter("id", [B], new Int32Array(B));
    const probabilities = c.graph.sample(
      c.input("logits", [B, V], spec.logits ?? noise(V, B * V, 4)),
      c.input("settings", [B, 5], rows.flatMap((row) => [...row])),
      {
        id,
        seen: c.counter("seen", [B, V], spec.seen ?? new Int32Array(B * V)),
        random: c.counter("random", [B, 2], random),
      },
    );
    c.output("probabilities", probabilities);
    c.output("id", id);
  });
}

/** Logits in steps of a half: many of them tie. */
function coarse(V: number): Float32Array {
  return noise(V, V, 2).map((logit) => Math.round(logit * 2) / 2);
}

/** Every fourth id stands in the prompt. */
function prompt(V: number): Int32Array {
  return Int32Array.from({ length: V }, (_, v) => v % 4 === 0 ? 1 : 0);
}

const all: SamplingOptions = { temperature: 0.85, topK: 20, topP: 0.9, minP: 0.02, repetitionPenalty: 1.1, seed: 42 };

/** Cases of the sampler. */
export const sampleCases: readonly KernelCase[] = [
  ...[1, 5, 67, 1031].flatMap((V) => [
    sampleCase("greedy", { V, options: [{}] }),
    sampleCase("temperature", { V, options: [{ temperature: 0.7, seed: 3 }] }),
    sampleCase("all filters at once", { V, options: [all], seen: prompt(V) }),
  ]),
  sampleCase("all filters at once", { V: 6400, options: [all], seen: prompt(6400) }),
  sampleCase("greedy ties", { V: 9, options: [{}], logits: [1, 3, 2, 3, 3, 0, 3, 1, 3] }),
  sampleCase("greedy with only ties", { V: 33, options: [{}], logits: new Float32Array(33).fill(-2) }),
  sampleCase("greedy with a penalty that moves the best", {
    V: 6,
    options: [{ repetitionPenalty: 1.5 }],
    logits: [3, 2.75, 2.5, -1, 2.25, -3],
  }),
  sampleCase("penalty on positive and negative logits", {
    V: 13,
    options: [{ temperature: 1, repetitionPenalty: 1.7 }],
    seen: prompt(13),
  }),
  sampleCase("penalty below one", { V: 13, options: [{ temperature: 1, repetitionPenalty: 0.5 }], seen: prompt(13) }),
  sampleCase("top-k of one", { V: 67, options: [{ temperature: 2, topK: 1 }] }),
  sampleCase("top-k", { V: 67, options: [{ temperature: 2, topK: 7 }] }),
  sampleCase("top-k with ties of the k-th", { V: 67, options: [{ temperature: 2, topK: 7 }], logits: coarse(67) }),
  sampleCase("top-k of all and more", {
    B: 2,
    V: 5,
    options: [{ temperature: 1, topK: 5 }, { temperature: 1, topK: 9 }],
  }),
  sampleCase("top-p", { V: 131, options: [{ temperature: 1, topP: 0.6 }] }),
  sampleCase("top-p that keeps one id", { V: 131, options: [{ temperature: 0.5, topP: 0.0001 }] }),
  sampleCase("top-p on ties, the lower ids first", {
    V: 8,
    options: [{ temperature: 1, topP: 0.5 }],
    logits: new Float32Array(8),
  }),
  sampleCase("min-p", { V: 131, options: [{ temperature: 1, minP: 0.2 }] }),
  sampleCase("min-p of one, which keeps the ties of the best", {
    V: 6,
    options: [{ temperature: 1, minP: 1 }],
    logits: [1, 4, 0, 4, 4, 2],
  }),
  sampleCase("logits up to ±80", { V: 67, options: [{ temperature: 1 }], logits: noise(1, 67, 80) }),
  sampleCase("a low temperature", { V: 67, options: [{ temperature: 0.01 }] }),
  sampleCase("settings of their own", {
    B: 5,
    V: 67,
    options: [{}, { temperature: 1 }, { temperature: 1, topK: 3 }, { temperature: 1.5, topP: 0.7 }, all],
  }),
  sampleCase("a long series of draws", { V: 13, options: [{ temperature: 1.3, repetitionPenalty: 1.2 }], runs: 50 }),
  sampleCase("seeds and counters of any sign", {
    B: 4,
    V: 67,
    options: [{ temperature: 1 }],
    random: [-1, 0, 2147483647, -5, -2147483648, 7, 123456789, 2147483640],
  }),
];
