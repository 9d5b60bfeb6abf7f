/**
 * Generation whose steps are queued on a device ahead of the ids that are read: it draws what it draws step by step.
 *
 * @module
 */
import { assert, assertEquals, assertRejects } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWebGpuBackend, findAdapter } from "../../backends/webgpu/mod.ts";
import { drawFloats } from "../../cli/verify/number_generator.ts";
import type { Backend } from "../../core/backend.ts";
import type { GeneratedToken } from "../../core/answers.ts";
import {
  createGenerator,
  type GenerateOptions,
  type GeneratorOptions,
  type TokenGenerator,
} from "../../core/generate.ts";
import { Graph, planGraph } from "../../core/graph/mod.ts";
import { bindModel } from "../../core/model_plans.ts";
import { createQueueingBackend } from "./queueing_backend.ts";
import { model, weights } from "./tiny_generation.ts";

const image = drawFloats({ seed: 100, count: 4 * 24 }, { amplitude: 2 });
const ids = [3, 1, 4, 5, 2, 6, 5, 3];
const sampling = { temperature: 0.9, topK: 20, topP: 0.9, seed: 7 };

/** A program that takes no time and one whose steps fill a batch, both with a read as slow as Deno's. */
const speeds = [{ step: 0, read: 12 }, { step: 8, read: 1 }] as const;

const adapter = await findAdapter();
if (typeof adapter === "string") console.log(`webgpu: half of the tests of this file do not run, for ${adapter}`);

/** Backends that run ahead. */
const backends: Readonly<Record<string, Backend>> = {
  "a device with a queue": createQueueingBackend(speeds[0]),
  ...typeof adapter !== "string" && { webgpu: await createWebGpuBackend() },
};
Deno.test.afterAll(async () => {
  for (const backend of Object.values(backends)) await backend[Symbol.asyncDispose]();
});

async function withGenerator<Result>(
  backend: Backend,
  options: Partial<GeneratorOptions>,
  use: (generator: TokenGenerator) => Promise<Result>,
): Promise<Result> {
  const bound = bindModel(backend, model, { sources: [weights] });
  using generator = createGenerator(backend, model, { weights: bound, context: 80, ...options });
  return await use(generator);
}

async function collect(generator: TokenGenerator, options: GenerateOptions): Promise<GeneratedToken[]> {
  return await Array.fromAsync(generator.tokens(options));
}

/** What a generator gives to each prompt alone, on the reference backend, which never runs ahead. */
async function expectedOf(prompts: readonly GenerateOptions[]): Promise<GeneratedToken[][]> {
  await using reference = createReferenceBackend();
  return await Array.fromAsync(prompts, (options) => {
    return withGenerator(reference, {}, (generator) => collect(generator, options));
  });
}

/** Answers of every kind and length. */
function prompts(stop: number): GenerateOptions[] {
  return [
    { ids, maxNewTokens: 40 },
    { ids: [3, 9, 9, 9, 9, 5, 2], images: [image], maxNewTokens: 17, sampling },
    { ids: [7, 7, 1], maxNewTokens: 33, sampling: { ...sampling, seed: 8, repetitionPenalty: 1.3 } },
    { ids, maxNewTokens: 40, stopIds: [stop] },
    { ids, maxNewTokens: 40, stopIds: [stop], minTokens: 25, sampling: { ...sampling, seed: 3 } },
    { ids: [5], maxNewTokens: 21, sampling: { repetitionPenalty: 1.5, logitBias: { 7: 2 } } },
    { ids: [8, 2, 2], maxNewTokens: 25, sampling: { presencePenalty: 2, frequencyPenalty: 1 } },
    { ids: [8, 2, 2], maxNewTokens: 1 },
    { ids: [4, 4, 6], maxNewTokens: 2, sampling },
  ];
}

/** An id that comes in the middle of the first answer, far enough for steps behind it to be queued. */
async function middleId(): Promise<number> {
  const [first] = await expectedOf(prompts(-1).slice(0, 1));
  const drawn = first!.map(({ id }) => id);
  return drawn.find((id, i) => i > 8 && i < 30 && drawn.indexOf(id) === i)!;
}

const stop = await middleId();
const wanted = prompts(stop);
const expected = await expectedOf(wanted);

for (const [name, backend] of Object.entries(backends)) {
  Deno.test(`generate() ahead on ${name} draws the ids that it draws step by step, alone and several at once`, async () => {
    assert(expected[3]!.length > 8 && expected[3]!.length < 32, "a stop comes between");
    await withGenerator(backend, {}, async (generator) => {
      for (const [i, options] of wanted.entries()) {
        assertEquals(await collect(generator, options), expected[i], JSON.stringify(options));
      }
    });
    for (const rows of [2, 6]) {
      await withGenerator(backend, { rows }, async (generator) => {
        assertEquals(await Promise.all(wanted.map((options) => collect(generator, options))), expected);
      });
    }
  });

  Deno.test(`generate() ahead on ${name} lets answers begin, rest and leave at any step`, async () => {
    await withGenerator(backend, { rows: 3 }, async (generator) => {
      const resting = generator.tokens(wanted[2]!); // under a penalty
      const rested = [(await resting.next()).value, (await resting.next()).value];
      const others = [0, 1, 5].map(async (i) => {
        const tokens: GeneratedToken[] = [];
        for await (const token of generator.tokens(wanted[i]!)) {
          tokens.push(token);
          if (tokens.length % 6 === 0) rested.push((await resting.next()).value);
        }
        assertEquals(tokens, expected[i]);
      });
      await Promise.all(others);
      for await (const token of resting) rested.push(token);
      assertEquals(rested.filter((token) => token !== undefined), expected[2]);
    });
  });

  Deno.test(`generate() ahead on ${name} goes on with one answer where another one of the same length and seed rests`, async () => {
    const pair = [ids, [3, 1, 4, 5, 2, 6, 5, 8]].map((ids): GenerateOptions => ({ ids, maxNewTokens: 25, sampling }));
    const alone = await expectedOf(pair);
    await withGenerator(backend, { rows: 2 }, async (generator) => {
      const streams = pair.map((options) => generator.tokens(options));
      const drawn: GeneratedToken[][] = [[], []];
      for (let turn = 0; turn < 10; turn++) {
        for (let i = 0; i < 5; i++) drawn[turn % 2]!.push((await streams[turn % 2]!.next()).value!);
      }
      assertEquals(drawn, alone);
    });
  });

  Deno.test(`generate() ahead on ${name} leaves the cache right behind a stop id, a reader that left and an abort`, async () => {
    const answer = expected[3]!.map(({ id }) => id);
    const controller = new AbortController();
    const { signal } = controller;
    const ends: ((generator: TokenGenerator) => Promise<number>)[] = [
      async (generator) => (await collect(generator, wanted[3]!)).length,
      async (generator) => {
        let count = 0;
        for await (const _ of generator.generate(wanted[0]!)) if (++count === 9) break;
        return count;
      },
      async (generator) => {
        let count = 0;
        const run = async () => {
          for await (const _ of generator.generate({ ...wanted[0]!, signal })) {
            if (++count === 9) controller.abort("enough");
          }
        };
        assertEquals(await run().catch((reason) => reason), "enough");
        return count;
      },
    ];
    for (const end of ends) {
      await withGenerator(backend, {}, async (generator) => {
        const count = await end(generator);
        let reused = 0;
        const next = { ids: [...ids, ...answer.slice(0, count), 1, 2], maxNewTokens: 12, sampling };
        const [whole] = await expectedOf([next]);
        assertEquals(
          await collect(generator, { ...next, onPrefill: (prefill) => void (reused = prefill.reused) }),
          whole,
        );
        assertEquals(reused, ids.length + count - 1); // the last id was not taken in
        assertEquals(await collect(generator, wanted[1]!), expected[1]);
      });
    }
  });

  Deno.test(`read() on ${name} tells of the last id, of each one without running ahead, and else that it cannot`, async () => {
    const argmax = (logits: Float32Array) => logits.indexOf(Math.max(...logits));
    await withGenerator(backend, { ahead: false }, async (generator) => {
      for await (const id of generator.generate(wanted[0]!)) assertEquals(argmax(await generator.read("logits")), id);
    });
    await withGenerator(backend, {}, async (generator) => {
      let refused = 0;
      let last = -1;
      for await (const id of generator.generate(wanted[0]!)) {
        last = id;
        const logits = await generator.read("logits").catch((error: Error) => {
          assertEquals(
            error.message,
            'Cannot read "logits": the device is ahead of it, which "ahead: false" of a generator avoids',
          );
          refused++;
        });
        if (logits !== undefined) assertEquals(argmax(logits), id);
      }
      assert(refused > 10);
      assertEquals(argmax(await generator.read("logits")), last);
      await collect(generator, { ...wanted[0]!, topLogprobs: 2 }); // reads the logits of each
    });
  });
}

Deno.test("generate() ahead runs no step more than its answer may have, and at a stop at most as many as were taken", async () => {
  const steps = (batches: readonly number[]) => batches.reduce((sum, count) => sum + count, 0);
  for (const speed of speeds) {
    for (const [i, options] of wanted.entries()) {
      await using backend = createQueueingBackend(speed);
      const context = options.ids.length + options.maxNewTokens!; // the last position of the row is filled
      await withGenerator(backend, { context }, (generator) => collect(generator, options));
      const ran = steps(backend.batches);
      assert(backend.mostAtOnce <= 2);
      if (expected[i]!.length === options.maxNewTokens) assertEquals(ran, expected[i]!.length);
      else assert(ran <= 2 * expected[i]!.length, `${ran} steps for ${expected[i]!.length} ids`);
    }
  }
});

Deno.test("generate() ahead begins with one step, and batches grow until they take 25 ms or half of what was drawn", async () => {
  const batchesOf = async (step: number) => {
    await using backend = createQueueingBackend({ step, read: 4 });
    await withGenerator(backend, {}, (generator) => collect(generator, wanted[0]!));
    assertEquals(backend.batches.slice(0, 2), [1, 1]);
    return backend.batches;
  };
  assert(Math.max(...await batchesOf(0)) > 4);
  assertEquals(new Set(await batchesOf(30)), new Set([1]));
});

Deno.test("generate() ahead tells its reader of a device that fails, and of nobody else's steps", async () => {
  await using backend = createQueueingBackend(speeds[0]);
  let fails = false;
  const failing: Backend = {
    ...backend,
    load(plan, storages) {
      const program = backend.load(plan, storages);
      return {
        ...program,
        runAhead: async (times, output) => {
          const copies = await program.runAhead!(times, output);
          if (fails) throw new Error("the device is gone");
          return copies;
        },
      };
    },
  };
  await withGenerator(failing, {}, async (generator) => {
    let count = 0;
    const run = async () => {
      for await (const _ of generator.generate(wanted[0]!)) if (++count === 9) fails = true;
    };
    await assertRejects(run, Error, "the device is gone");
    fails = false;
    assertEquals(await collect(generator, wanted[2]!), expected[2]);
  });
});

if (typeof adapter !== "string") {
  Deno.test("runAhead() on webgpu is one submission and one read, through a buffer that is counted and freed", async () => {
    const backend = await createWebGpuBackend();
    const graph = new Graph();
    const counter = graph.state("counter", "i32", [3]);
    graph.advance(counter, 2);
    graph.output("counter", counter);
    const storages = new Map([["counter", backend.alloc(counter)]]);
    using program = backend.load(planGraph(graph), storages);
    const used = backend.usedBytes;
    const steps = program.runAhead!(100, "counter");
    assertEquals(backend.usedBytes - used, 2048); // 100 times 3 numbers
    assertEquals((await steps).map(String), Array.from({ length: 100 }, (_, i) => String(Array(3).fill(2 * (i + 1)))));
    assertEquals(backend.counts, { submissions: 1, dispatches: 100, reads: 1 });
    await program.runAhead!(90, "counter");
    assertEquals(backend.usedBytes - used, 2048);
    await assertRejects(() => program.runAhead!(1, "x"), RangeError, "x");
    program[Symbol.dispose]();
    await assertRejects(() => program.runAhead!(1, "counter"), Error, "it was disposed");
    await backend[Symbol.asyncDispose]();
    assertEquals(backend.usedBytes, 0);
  });

  Deno.test("a generator and a backend disposed while steps are under way leave nothing and end their reader", async () => {
    for (const early of [false, true]) {
      const backend = await createWebGpuBackend();
      const bound = bindModel(backend, model, { sources: [weights] });
      const generator = createGenerator(backend, model, { weights: bound, context: 80 });
      const stream = generator.tokens(wanted[0]!);
      for (let i = 0; i < 9; i++) await stream.next();
      const next = early ? stream.next().catch(() => {}) : undefined;
      generator[Symbol.dispose]();
      await backend[Symbol.asyncDispose]();
      await next;
      assertEquals(backend.usedBytes, 0);
    }
  });
}
