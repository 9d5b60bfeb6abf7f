import { assert, assertEquals, assertRejects, assertThrows } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { drawFloats } from "../../cli/verify/number_generator.ts";
import type { Backend } from "../../core/backend.ts";
import { ConfigError, PlaceholderError, ShapeError } from "../../core/errors.ts";
import { ImageEncoder } from "../../core/image_encoder.ts";
import { createGenerator, type GenerateOptions, type TokenGenerator } from "../../core/generate.ts";
import { Graph, planGraph } from "../../core/graph/mod.ts";
import { bindModel } from "../../core/model_plans.ts";
import { embedPrompt, forward, type VisionLanguageModel } from "../../core/model.ts";
import { spliceIndex } from "../../core/placeholders.ts";
import { grid, model, weights } from "./tiny_generation.ts";

const image = drawFloats({ seed: 100, count: grid.tokens * 24 }, { amplitude: 2 });
const ids = [3, 1, 4, 9, 9, 9, 9, 5, 2, 6, 5, 3, 5, 8, 9, 7, 9, 3, 2, 3];

async function collect(generator: TokenGenerator, options: GenerateOptions): Promise<number[]> {
  return await Array.fromAsync(generator.generate(options));
}

async function answer(backend: Backend, options: GenerateOptions & { pieces?: number[] }): Promise<number[]> {
  const bound = bindModel(backend, model, { sources: [weights] });
  using generator = createGenerator(backend, model, { weights: bound, context: 64, pieces: options.pieces });
  return await collect(generator, options);
}

/** Greedy ids by running the whole sequence again for each one. */
async function answerWithoutCache(backend: Backend, prompt: number[], count: number): Promise<number[]> {
  const bound = bindModel(backend, model, { sources: [weights] });
  const sequence = [...prompt];
  const splice = spliceIndex(prompt, model.placeholder, { images: 1 });
  for (let i = 0; i < count; i++) {
    const T = sequence.length;
    const graph = new Graph();
    const hidden = embedPrompt(graph, model, {
      ids: graph.input("ids", "i32", [1, T]),
      images: {
        embeddings: graph.input("images", "f32", [4, 24]),
        index: graph.input("index", "i32", [1, T]),
      },
    });
    graph.output("logits", forward(graph, model, { hidden }).logits);
    using program = load(backend, graph, bound);
    program.write("ids", Int32Array.from(sequence));
    program.write("images", image);
    program.write("index", Int32Array.from({ length: T }, (_, t) => splice[t] ?? -1));
    program.run();
    const last = (await program.read("logits")).subarray(-61);
    sequence.push(last.indexOf(Math.max(...last)));
  }
  return sequence.slice(prompt.length);
}

function load(backend: Backend, graph: Graph, bound: ReturnType<typeof bindModel>) {
  const plan = planGraph(graph);
  const storages = new Map(bound);
  for (const [name, tensor] of plan.storages) {
    if (storages.has(name)) continue;
    const storage = backend.alloc(tensor);
    backend.write(storage, plan.constants.get(name)!);
    storages.set(name, storage);
  }
  return backend.load(plan, storages);
}

Deno.test("generate() draws with a cache the ids that it draws without one, for prompts in any pieces", async () => {
  await using backend = createReferenceBackend();
  const expected = await answerWithoutCache(backend, ids, 12);
  assert(new Set(expected).size > 2);
  for (const pieces of [[16, 64, 256], [20], [7], [1, 3], [64]]) {
    assertEquals(await answer(backend, { ids, images: [image], maxNewTokens: 12, pieces }), expected);
  }
});

Deno.test("generate() fills the context to the last position, the last piece starting earlier", async () => {
  await using backend = createReferenceBackend();
  const bound = bindModel(backend, model, { sources: [weights] });
  using exact = createGenerator(backend, model, { weights: bound, context: 21, pieces: [16] });
  using roomy = createGenerator(backend, model, { weights: bound, context: 96 });
  const wanted = await collect(roomy, { ids, images: [image], maxNewTokens: 1 });
  assertEquals(await collect(exact, { ids, images: [image] }), wanted);
});

Deno.test("generate() gives the same ids for a seed on reference and on wasm with 1 and 2 threads", async () => {
  const sampling = { temperature: 1.1, topK: 30, topP: 0.95, minP: 0.001, repetitionPenalty: 1.2, seed: 7 };
  const options = { ids, images: [image], maxNewTokens: 40, sampling };
  await using reference = createReferenceBackend();
  const expected = await answer(reference, options);
  assert(expected.join() !== (await answer(reference, { ...options, sampling: { ...sampling, seed: 8 } })).join());
  for (const threads of [1, 2]) {
    await using wasm = await createWasmBackend({ threads });
    assertEquals(await answer(wasm, options), expected);
    assertEquals(
      await answer(wasm, { ...options, sampling: {} }),
      await answer(reference, { ...options, sampling: {} }),
    );
  }
});

Deno.test("generate() serves several generators over the same weights, each with its own cache", async () => {
  await using backend = createReferenceBackend();
  const bound = bindModel(backend, model, { sources: [weights] });
  const options = { ids, images: [image], maxNewTokens: 6 };
  using first = createGenerator(backend, model, { weights: bound, context: 40 });
  using second = createGenerator(backend, model, { weights: bound, context: 48 });
  const expected = await collect(first, options);
  const other = second.generate({ ids: [7, 7, 1], maxNewTokens: 6 });
  await other.next();
  assertEquals(await collect(first, options), expected);
  const waiting = collect(second, options); // its one row is taken
  await other.return();
  assertEquals(await waiting, expected);
});

Deno.test("generate() gives the stop id and ends there", async () => {
  await using backend = createReferenceBackend();
  const options = { ids, images: [image], maxNewTokens: 12 };
  const all = await answer(backend, options);
  const stop = all[5]!;
  assertEquals(await answer(backend, { ...options, stopIds: [stop] }), all.slice(0, all.indexOf(stop) + 1));
});

Deno.test("generate() ends with the signal's reason, also when a timer aborts", async () => {
  await using backend = createReferenceBackend();
  const bound = bindModel(backend, model, { sources: [weights] });
  using generator = createGenerator(backend, model, { weights: bound, context: 64 });
  const reason = new Error("enough");
  const aborted = { ids: [1], signal: AbortSignal.abort(reason) };
  assertEquals(await assertRejects(() => collect(generator, aborted)), reason);

  const controller = new AbortController();
  setTimeout(() => controller.abort(reason), 5);
  const forever = async () => {
    while (true) await collect(generator, { ids: [1], signal: controller.signal });
  };
  assertEquals(await assertRejects(forever), reason);
  assertEquals((await collect(generator, { ids: [1], maxNewTokens: 3 })).length, 3);
});

Deno.test("generate() refuses prompts that cannot be answered", async () => {
  await using backend = createReferenceBackend();
  const refused = (options: GenerateOptions, type: new () => Error, message: string) =>
    assertRejects(() => answer(backend, options), type, message);
  await refused({ ids: [] }, RangeError, "the prompt is empty");
  await refused({ ids: [1, 61] }, RangeError, "id 61 at position 1, the vocabulary has 61");
  await refused({ ids: [1, -1] }, RangeError, "id -1 at position 1");
  await refused({ ids, maxNewTokens: 45 }, RangeError, "20 ids and 45 new ones, the context has 64 positions");
  await refused({ ids: Array(64).fill(1) }, RangeError, "64 ids and 0 new ones");
  await refused({ ids, images: [new Float32Array(5)] }, ShapeError, "image 0: 5 numbers, expected 96");
  await refused({ ids: Array(8).fill(9), images: [image, image] }, PlaceholderError, "separate adjacent images");
  await refused({ ids, sampling: { topP: 0 } }, RangeError, "topP 0");
});

Deno.test("createGenerator() refuses a context that the decoder's positions do not hold", async () => {
  await using backend = createReferenceBackend();
  const create = (context: number) => () => createGenerator(backend, model, { weights: new Map(), context });
  assertThrows(create(97), RangeError, "context 97");
  assertThrows(create(1), RangeError, "context 1");
});

Deno.test("encode() gives an image's embeddings, and refuses without an encoder", async () => {
  await using backend = createReferenceBackend();
  const bound = bindModel(backend, model, { sources: [weights] });
  using generator = createGenerator(backend, model, { weights: bound, context: 64 });
  using encoder = new ImageEncoder(backend, model, { weights: bound });
  const pixels = drawFloats({ seed: 200, count: 3 * 8 * 8 }, { amplitude: 1 });
  const embeddings = await encoder.encode(pixels);
  assertEquals(embeddings.length, 4 * 24);
  assert((await encoder.encode(pixels.map((x) => -x))).some((x, i) => x !== embeddings[i]));
  assertEquals((await collect(generator, { ids, images: [embeddings], maxNewTokens: 3 })).length, 3);

  const blind: VisionLanguageModel = { ...model, encoder: undefined };
  assertThrows(() => new ImageEncoder(backend, blind, { weights: bound }), ConfigError, "no encoder");
});

Deno.test("generate() takes in only what a prompt does not share with the one before, and draws the same ids", async () => {
  await using backend = createReferenceBackend();
  const bound = bindModel(backend, model, { sources: [weights] });
  using kept = createGenerator(backend, model, { weights: bound, context: 64, pieces: [4, 8] });
  const [cat, dog] = [300, 301].map((seed) => drawFloats({ seed, count: 4 * 24 }, { amplitude: 1 }));
  const first = [3, 9, 9, 9, 9, 5, 6];
  const starts: number[] = [];
  const onPrefill = ({ reused }: { reused: number }) => void starts.push(reused);
  const answer = await collect(kept, { ids: first, images: [cat!], maxNewTokens: 4, onPrefill });
  assertEquals(starts, [0]);
  const second = [...first, ...answer, 7, 8];
  const turns = [
    { ids: second, images: [cat!], reused: first.length + answer.length - 1 },
    { ids: second, images: [cat!], reused: second.length - 1 },
    { ids: second, images: [dog!], reused: 1 },
    { ids: first.slice(0, 6), images: [dog!], reused: 5 },
    { ids: [4, 5], images: [], reused: 0 },
  ];
  for (const { reused, ...prompt } of turns) {
    const ids = await collect(kept, { ...prompt, maxNewTokens: 5, onPrefill });
    assertEquals(starts.at(-1), reused);
    using alone = createGenerator(backend, model, { weights: bound, context: 64 });
    assertEquals(ids, await collect(alone, { ...prompt, maxNewTokens: 5 }));
  }
});

Deno.test("generate() puts images where it is told, whatever the ids", async () => {
  await using backend = createReferenceBackend();
  const bound = bindModel(backend, model, { sources: [weights] });
  using generator = createGenerator(backend, model, { weights: bound, context: 64 });
  const image = drawFloats({ seed: 300, count: 4 * 24 }, { amplitude: 1 });
  const prompt = { ids: [3, 9, 9, 9, 9, 5], maxNewTokens: 4 };
  const text = await collect(generator, prompt);
  assertEquals(await collect(generator, { ...prompt, images: [image], index: new Int32Array(6).fill(-1) }), text);
  const placed = await collect(generator, { ...prompt, images: [image] });
  const index = Int32Array.of(-1, 0, 1, 2, 3, -1);
  assertEquals(await collect(generator, { ...prompt, images: [image], index }), placed);
  const bad = { ...prompt, images: [image], index: Int32Array.of(-1, 0, 1, 2, 4, -1) };
  await assertRejects(() => collect(generator, bad), RangeError, "image rows");
});

Deno.test("encode() takes the features of an encoder outside the graph through the projector", async () => {
  await using backend = createReferenceBackend();
  const bound = bindModel(backend, model, { sources: [weights] });
  const pixels = drawFloats({ seed: 200, count: 3 * 8 * 8 }, { amplitude: 1 });
  const features = (pixels: Float32Array) => pixels.slice(0, grid.tokens * grid.width).map((x) => 2 * x);
  const host: VisionLanguageModel = {
    ...model,
    encoder: {
      name: "first pixels, doubled",
      pixels: model.encoder!.pixels,
      output: grid,
      run: (pixels) => Promise.resolve(features(pixels)),
      [Symbol.asyncDispose]: () => Promise.resolve(),
    },
  };
  using encoder = new ImageEncoder(backend, host, { weights: bound });

  const graph = new Graph();
  const input = graph.input("features", "f32", [1, grid.tokens, grid.width]);
  graph.output("embeddings", model.projector.project(graph, input));
  using program = load(backend, graph, bound);
  program.write("features", features(pixels));
  program.run();
  assertEquals(await encoder.encode(pixels), await program.read("embeddings") as Float32Array);
});

Deno.test("read() gives the logits and probabilities of the last id", async () => {
  await using backend = createReferenceBackend();
  const bound = bindModel(backend, model, { sources: [weights] });
  using generator = createGenerator(backend, model, { weights: bound, context: 64 });
  await assertRejects(() => generator.read("logits"), Error, "nothing was drawn");
  for await (const id of generator.generate({ ids, images: [image], maxNewTokens: 4 })) {
    const logits = await generator.read("logits");
    assertEquals(logits.indexOf(Math.max(...logits)), id);
    assertEquals((await generator.read("probabilities"))[id], 1);
  }
});
