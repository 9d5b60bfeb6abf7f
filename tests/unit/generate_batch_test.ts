import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { drawFloats } from "../../cli/verify/number_generator.ts";
import type { Backend } from "../../core/backend.ts";
import { createGenerator, type GenerateOptions, type TokenGenerator } from "../../core/generate.ts";
import { bindModel } from "../../core/model_plans.ts";
import { uniform } from "../../core/sampling.ts";
import { model, weights } from "./tiny_generation.ts";

const image = drawFloats({ seed: 100, count: 4 * 24 }, { amplitude: 2 });

/** Prompts and settings of every kind, of different lengths and ends. */
const wanted: readonly GenerateOptions[] = Array.from({ length: 11 }, (_, i) => {
  const text = Array.from({ length: 1 + 4 * i }, (_, t) => Math.floor(uniform(i, t) * 61)).map((id) =>
    id === 9 ? 8 : id
  );
  const greedy = i % 3 === 0 ? {} : { temperature: 0.9, topK: 20, topP: 0.9, seed: i };
  return {
    ids: i % 2 === 0 ? text : [3, 9, 9, 9, 9, ...text],
    images: i % 2 === 0 ? [] : [image],
    sampling: i % 4 === 1 ? { ...greedy, repetitionPenalty: 1.3 } : greedy,
    maxNewTokens: 5 + 3 * (i % 5),
  };
});

async function collect(generator: TokenGenerator, options: GenerateOptions): Promise<number[]> {
  return await Array.fromAsync(generator.generate(options));
}

async function withRows(backend: Backend, rows: number, use: (generator: TokenGenerator) => Promise<void>) {
  const bound = bindModel(backend, model, { sources: [weights] });
  using generator = createGenerator(backend, model, { weights: bound, context: 80, rows });
  await use(generator);
}

/** Each answer by itself. */
async function alone(backend: Backend): Promise<number[][]> {
  const answers: number[][] = [];
  for (const options of wanted) {
    await withRows(backend, 1, async (generator) => void answers.push(await collect(generator, options)));
  }
  return answers;
}

Deno.test("generate() gives each of several answers at once the ids that it has alone, greedy and sampled", async () => {
  await using reference = createReferenceBackend();
  const expected = await alone(reference);
  assert(new Set(expected.flat()).size > 10);
  for (const threads of [0, 1, 2]) {
    await using backend = threads === 0 ? createReferenceBackend() : await createWasmBackend({ threads });
    for (const rows of [2, 3, 6, 11]) {
      await withRows(backend, rows, async (generator) => {
        assertEquals(await Promise.all(wanted.map((options) => collect(generator, options))), expected);
      });
    }
  }
});

Deno.test("generate() lets answers begin and end at any step", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const expected = await alone(backend);
  await withRows(backend, 4, async (generator) => {
    const answers: Promise<number[]>[] = [];
    const later = async (i: number): Promise<number[]> => {
      const ids: number[] = [];
      for await (const id of generator.generate(wanted[i]!)) {
        ids.push(id);
        if (ids.length === 3 && i + 2 < wanted.length) answers[i + 2] = later(i + 2);
      }
      return ids;
    };
    [answers[0], answers[1]] = [later(0), later(1)];
    for (let i = 0; i < wanted.length; i++) assertEquals(await answers[i], expected[i]);
  });
});

Deno.test("generate() does not wait for a reader that is slow, and gives it what it would have had", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const expected = await alone(backend);
  const options = { ...wanted[5]!, sampling: { temperature: 2, seed: 6, repetitionPenalty: 20 }, maxNewTokens: 17 };
  let penalisedIds: number[] = [];
  await withRows(backend, 1, async (generator) => void (penalisedIds = await collect(generator, options)));
  await withRows(backend, 3, async (generator) => {
    const slow = generator.generate(wanted[4]!); // with 17 ids, sampled under no penalty
    const penalised = generator.generate(options);
    const ids = [(await slow.next()).value];
    const others = [(await penalised.next()).value];
    assertEquals(await collect(generator, wanted[3]!), expected[3]); // the two are under way and ask for nothing
    for (let i = 0; i < 4; i++) {
      others.push((await penalised.next()).value);
      ids.push((await slow.next()).value); // alone, where the penalised one was and will be
      others.push((await penalised.next()).value);
      const [a, b] = await Promise.all([slow.next(), penalised.next()]);
      ids.push(a.value);
      others.push(b.value);
      assertEquals(await collect(generator, wanted[1]!), expected[1]);
    }
    for await (const id of slow) ids.push(id);
    for await (const id of penalised) others.push(id);
    assertEquals([ids, others], [expected[4]!, penalisedIds]);
  });
});

Deno.test("generate() serves those who wait in order, and an abort ends one answer alone", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const expected = await alone(backend);
  await withRows(backend, 2, async (generator) => {
    const reason = new Error("enough");
    const [running, waiting] = [new AbortController(), new AbortController()];
    const order: number[] = [];
    const noted = (i: number, signal?: AbortSignal) =>
      collect(generator, { ...wanted[i]!, signal, onPrefill: () => void order.push(i) });
    const first = generator.generate({ ...wanted[4]!, signal: running.signal, onPrefill: () => void order.push(4) });
    await first.next();
    const others = [noted(3), noted(5, waiting.signal), noted(6), noted(7)];
    waiting.abort(reason);
    running.abort(reason);
    assertEquals(await assertRejects(() => first.next()), reason);
    const settled = await Promise.allSettled(others);
    assertEquals(settled.map((result) => result.status === "fulfilled" ? result.value : result.reason), [
      expected[3],
      reason,
      expected[6],
      expected[7],
    ]);
    assertEquals(order, [4, 3, 6, 7]);
  });
});

Deno.test("generate() gives a prompt the row that holds most of it, and else the one used longest ago", async () => {
  await using backend = createReferenceBackend();
  await withRows(backend, 3, async (generator) => {
    const reusedOf = async (ids: number[]) => {
      let seen = -1;
      await collect(generator, { ids, maxNewTokens: 2, onPrefill: ({ reused }) => void (seen = reused) });
      return seen;
    };
    const prompts = [[1, 2, 3, 4], [1, 5, 6, 7], [1, 8, 10, 11], [1, 12, 13, 14]];
    for (const ids of prompts.slice(0, 3)) assertEquals(await reusedOf(ids), 0);
    assertEquals(await reusedOf([...prompts[0]!, 20]), 4);
    assertEquals(await reusedOf(prompts[3]!), 1); // takes the row of the second, of which it shares the first id
    assertEquals(await reusedOf(prompts[2]!), 3);
    assertEquals(await reusedOf([...prompts[0]!, 21]), 4);
    assertEquals(await reusedOf(prompts[1]!), 1);
  });
});

Deno.test("createGenerator() refuses a number of rows that is none", async () => {
  await using backend = createReferenceBackend();
  for (const rows of [0, 1.5]) {
    const create = () => createGenerator(backend, model, { weights: new Map(), context: 8, rows });
    assertThrows(create, RangeError, `Cannot create a generator: ${rows} rows`);
  }
});

Deno.test("generate() takes in what prompts side by side share once, and gives each answer what it has alone", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  const shared = [...wanted[9]!.ids as number[]];
  const options = [5, 6, 7, 8].map((id): GenerateOptions => ({
    ids: [...shared, id, ...shared.slice(0, id)],
    images: wanted[9]!.images,
    sampling: { temperature: 1, seed: id },
    maxNewTokens: 8,
  }));
  const expected: number[][] = [];
  for (const each of options) {
    await withRows(backend, 1, async (generator) => void expected.push(await collect(generator, each)));
  }
  await withRows(backend, 4, async (generator) => {
    const reused: number[] = [];
    const answers = options.map((each, i) => {
      return collect(generator, { ...each, onPrefill: (prefill) => void (reused[i] = prefill.reused) });
    });
    assertEquals(await Promise.all(answers), expected);
    assertEquals(reused[0], 0);
    assert(reused.slice(1).every((count) => count >= 16 && count <= shared.length), reused.join());
  });
});
