import { assert, assertAlmostEquals, assertEquals, assertRejects } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import type { GeneratedToken } from "../../core/answers.ts";
import type { Backend } from "../../core/backend.ts";
import type { TokenConstraint } from "../../core/constraint.ts";
import { createGenerator, type GenerateOptions, type TokenGenerator } from "../../core/generate.ts";
import { bindModel } from "../../core/model_plans.ts";
import type { SamplingOptions } from "../../core/sampling.ts";
import { model, weights } from "./tiny_generation.ts";

const ids = [3, 14, 15, 9, 26];
const greedy: GenerateOptions = { ids, maxNewTokens: 24 };

/** Lets even and odd ids take turns, and ends after `count`. */
function turns(count: number): TokenConstraint {
  let taken = 0;
  return {
    get ended() {
      return taken === count;
    },
    restrict(bias) {
      for (let id = 0; id < bias.length; id++) if (id % 2 !== taken % 2) bias[id] = -Infinity;
    },
    accept: () => void taken++,
  };
}

async function withGenerator<Result>(
  backend: Backend,
  rows: number,
  use: (generator: TokenGenerator) => Promise<Result>,
): Promise<Result> {
  const bound = bindModel(backend, model, { sources: [weights] });
  using generator = createGenerator(backend, model, { weights: bound, context: 80, rows });
  return await use(generator);
}

async function tokensOf(generator: TokenGenerator, options: GenerateOptions): Promise<GeneratedToken[]> {
  return await Array.fromAsync(generator.tokens(options));
}

/** What the options of a sampled answer say a greedy one draws, computed here from the logits of each step. */
async function expectGreedy(sampling: SamplingOptions): Promise<number[]> {
  await using backend = createReferenceBackend();
  return await withGenerator(backend, 1, async (generator) => {
    const drawn: number[] = [];
    const { presencePenalty = 0, frequencyPenalty = 0, noRepeatNgramSize = 0, logitBias = {} } = sampling;
    for await (const id of generator.generate({ ...greedy, sampling })) {
      const logits = await generator.read("logits");
      const biased = Array.from(logits, (logit, other) => {
        const count = drawn.filter((each) => each === other).length;
        const ngrams = drawn.map((_, i) => drawn.slice(i, i + noRepeatNgramSize).join());
        const next = [...drawn.slice(drawn.length + 1 - noRepeatNgramSize), other].join();
        if (noRepeatNgramSize > 0 && drawn.length >= noRepeatNgramSize - 1 && ngrams.includes(next)) return -Infinity;
        return logit + (logitBias[other] ?? 0) - (count > 0 ? presencePenalty : 0) - frequencyPenalty * count;
      });
      assertEquals(id, biased.indexOf(Math.max(...biased)));
      drawn.push(id);
    }
    return drawn;
  });
}

const settings: readonly SamplingOptions[] = [
  {},
  { presencePenalty: 2 },
  { frequencyPenalty: 1.5 },
  { frequencyPenalty: -1 },
  { noRepeatNgramSize: 2 },
  { noRepeatNgramSize: 1 },
  { logitBias: { 7: 4, 20: -100, 33: 1.5 } },
  { presencePenalty: 0.5, frequencyPenalty: 0.25, noRepeatNgramSize: 3, logitBias: { 5: 3 } },
];

Deno.test("generate() adds bias and penalties of the answer's own ids to the logits, and bans repeated n-grams", async () => {
  const answers: string[] = [];
  for (const sampling of settings) answers.push(String(await expectGreedy(sampling)));
  assert(new Set(answers).size >= 7, "the settings change what is drawn");
});

Deno.test("generate() gives biased, constrained and plain answers at once what each has alone, on every backend", async () => {
  const wanted = (): GenerateOptions[] => [
    ...settings.map((sampling): GenerateOptions => ({ ...greedy, sampling })),
    ...settings.map((sampling, i): GenerateOptions => {
      return { ...greedy, maxNewTokens: 9 + i, sampling: { ...sampling, temperature: 1.5, topK: 30, seed: i } };
    }),
    { ...greedy, constraint: turns(11) },
    { ...greedy, constraint: turns(30), sampling: { temperature: 1, topP: 0.9, seed: 8, repetitionPenalty: 1.2 } },
  ];
  const alone: number[][] = [];
  await using reference = createReferenceBackend();
  for (const options of wanted()) {
    alone.push(await withGenerator(reference, 1, (generator) => Array.fromAsync(generator.generate(options))));
  }
  assertEquals(alone.at(-2)!.map((id) => id % 2), Array.from({ length: 11 }, (_, i) => i % 2));
  for (const threads of [0, 2]) {
    await using backend = threads === 0 ? createReferenceBackend() : await createWasmBackend({ threads });
    const together = await withGenerator(backend, 5, (generator) => {
      return Promise.all(wanted().map((options) => Array.fromAsync(generator.generate(options))));
    });
    assertEquals(together, alone);
  }
});

Deno.test("tokens() tells the log softmax of the raw logits within 1e-5, also of several answers at once", async () => {
  for (const make of [createReferenceBackend, () => createWasmBackend({ threads: 1 })]) {
    await using backend = await make();
    const options: GenerateOptions[] = [
      { ...greedy, topLogprobs: 3, sampling: { temperature: 0.4, topK: 5, presencePenalty: 2, seed: 2 } },
      { ...greedy, topLogprobs: 0, maxNewTokens: 12 },
      { ...greedy, maxNewTokens: 17 },
    ];
    const expected = await withGenerator(backend, 1, async (generator) => {
      const likely: { id: number; logprob: number; top: number[] }[] = [];
      for await (const id of generator.generate(options[0]!)) {
        const logits = Array.from(await generator.read("logits"));
        const total = Math.log(logits.reduce((sum, logit) => sum + Math.exp(logit), 0));
        const top = [...logits.keys()].sort((a, b) => logits[b]! - logits[a]!).slice(0, 3);
        likely.push({ id, logprob: logits[id]! - total, top });
      }
      return likely;
    });
    const [first, second, third] = await withGenerator(backend, 3, (generator) => {
      return Promise.all(options.map((each) => tokensOf(generator, each)));
    });
    assertEquals(first!.map(({ id }) => id), expected.map(({ id }) => id));
    first!.forEach(({ logprob, topLogprobs }, i) => {
      assertAlmostEquals(logprob!, expected[i]!.logprob, 1e-5);
      assertEquals(topLogprobs!.map(({ id }) => id), expected[i]!.top);
    });
    assert(first!.some(({ id, topLogprobs }) => id !== topLogprobs![0]!.id), "the penalty changes what is drawn");
    assertEquals(second!.map(({ topLogprobs }) => topLogprobs), Array(12).fill([]));
    assert(second!.every(({ logprob }) => logprob! < 0));
    assertEquals(Object.keys(third![0]!), ["id"]);
  }
});

Deno.test("generate() draws no stop id before minTokens", async () => {
  await using backend = createReferenceBackend();
  await withGenerator(backend, 1, async (generator) => {
    const plain = await Array.fromAsync(generator.generate(greedy));
    const stopIds = [plain[1]!, plain[4]!];
    assertEquals(
      (await Array.fromAsync(generator.generate({ ...greedy, stopIds }))).length,
      plain.indexOf(stopIds[0]!) + 1,
    );
    const longer = await Array.fromAsync(generator.generate({ ...greedy, stopIds, minTokens: 9 }));
    assert(longer.length > 9 && longer.slice(0, 9).every((id) => !stopIds.includes(id)));
    const never = await Array.fromAsync(generator.generate({ ...greedy, stopIds, minTokens: Infinity }));
    assertEquals([never.length, never.some((id) => stopIds.includes(id))], [24, false]);
  });
});

Deno.test("generate() refuses biases and penalties that are out of range, and all of them in a beam search", async () => {
  await using backend = createReferenceBackend();
  await withGenerator(backend, 2, async (generator) => {
    const refused: readonly (readonly [Partial<GenerateOptions>, string])[] = [
      [{ sampling: { logitBias: { 61: 1 } } }, "Cannot bias id 61 by 1: the vocabulary has ids from 0 to 60"],
      [{ sampling: { logitBias: { 5: 101 } } }, "Cannot bias id 5 by 101: it must be from -100 to 100"],
      [{ sampling: { logitBias: { 5: NaN } } }, "Cannot bias id 5 by NaN: it must be from -100 to 100"],
      [{ sampling: { presencePenalty: 2.1 } }, "Cannot sample with presencePenalty 2.1: it must be from -2 to 2"],
      [{ sampling: { frequencyPenalty: -3 } }, "Cannot sample with frequencyPenalty -3: it must be from -2 to 2"],
      [{ sampling: { noRepeatNgramSize: 1.5 } }, "Cannot sample with noRepeatNgramSize 1.5: it must be a whole number"],
      [{ topLogprobs: 21 }, "Cannot generate: topLogprobs is 21, it must be a whole number from 0 to 20"],
      [{ minTokens: -1 }, "Cannot generate: minTokens is -1, it must be 0 or more"],
      [{ beams: { count: 2 }, minTokens: 3 }, "a beam search draws nothing, so minTokens does not apply to it"],
      [{ beams: { count: 2 }, topLogprobs: 3 }, "a beam search draws nothing, so topLogprobs does not apply to it"],
    ];
    for (const [options, message] of refused) {
      await assertRejects(() => tokensOf(generator, { ...greedy, ...options }), RangeError, message);
    }
  });
});
