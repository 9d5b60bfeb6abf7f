import { assert, assertAlmostEquals, assertEquals, assertNotEquals, assertRejects } from "@std/assert";
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import { createWasmBackend } from "../../backends/wasm/mod.ts";
import { AttentionMaps } from "../../core/attention_maps.ts";
import type { ImageAttention } from "../../core/chat_events.ts";
import { Graph, planGraph } from "../../core/graph/mod.ts";
import { embedPrompt } from "../../core/model.ts";
import { attentionCalls, bindModel } from "../../core/model_plans.ts";
import { allocateMissing } from "../../core/weights.ts";
import { seededValues } from "./seeded_run.ts";
import { eventsOf, redPixel, TestServer } from "./serving.ts";
import { model, weights } from "./tiny_generation.ts";

const marker = model.placeholder.marker;
const { width: D } = model.decoder;
const images = ["a", "b"].map((name) => seededValues(name, model.placeholder.tokens * D)); // [N,D] each
const ids = [1, marker, marker, marker, marker, 5, marker, marker, marker, marker, 7, 8];
const answer = [20, 21, 22];

/**
 * The same shares by the kernel itself: attention over values that are 1 in one place is the weight of that place. Rows
 * of the image's embeddings are found by hand.
 */
async function byKernel(): Promise<number[]> {
  const all = [...ids, ...answer.slice(0, -1)];
  const T = all.length;
  const index = Int32Array.from(all, (id, t) => id !== marker ? -1 : t < 6 ? t - 1 : t - 2);
  const graph = new Graph();
  const hidden = embedPrompt(graph, model, {
    ids: graph.input("ids", "i32", [1, T]),
    images: { embeddings: graph.input("images", "f32", [8, D]), index: graph.input("index", "i32", [1, T]) },
  });
  model.decoder.forward(graph, hidden);
  const calls = attentionCalls(graph);
  const [, , H, C] = calls[0]!.inputs.q.shape as [number, number, number, number];
  const G = calls[0]!.inputs.k.shape[2]!;
  const parts = Math.ceil(T / C);
  const places = Array.from({ length: parts }, (_, part) => graph.input(`places.${part}`, "f32", [1, T, G, C]));
  for (const [i, { inputs: { q, k } }] of calls.entries()) {
    places.forEach((v, part) => graph.output(`weights.${i}.${part}`, graph.attention(q, k, v, { causal: true })));
  }
  const backend = createReferenceBackend();
  const plan = planGraph(graph);
  const storages = new Map(bindModel(backend, model, { sources: [weights] }));
  allocateMissing(backend, plan, storages);
  using program = backend.load(plan, storages);
  program.write("ids", Int32Array.from(all));
  program.write("index", index);
  program.write("images", Float32Array.from(images.flatMap((image) => [...image])));
  for (let part = 0; part < parts; part++) {
    const ones = Float32Array.from({ length: T * G * C }, (_, at) => {
      return Number(Math.floor(at / (G * C)) === part * C + at % C);
    });
    program.write(`places.${part}`, ones);
  }
  program.run();
  const shares = new Array<number>(T).fill(0);
  for (const i of calls.keys()) {
    for (let part = 0; part < parts; part++) {
      const found = await program.read(`weights.${i}.${part}`); // [1,T,H,C]
      for (let t = ids.length - 1; t < T; t++) {
        for (let at = 0; at < H * C; at++) {
          const place = part * C + at % C;
          if (place < T) shares[place]! += found[t * H * C + at]! / (calls.length * answer.length * H);
        }
      }
    }
  }
  assertAlmostEquals(shares.reduce((sum, share) => sum + share), 1, 1e-5);
  return shares;
}

Deno.test("AttentionMaps.read() gives what the attention kernel gives each place, within 1e-5", async () => {
  await using backend = await createWasmBackend({ threads: 1 });
  using maps = new AttentionMaps(backend, model, {
    weights: bindModel(backend, model, { sources: [weights] }),
    context: 64,
  });
  const [first, second, ...more] = await maps.read({ ids, images }, answer);
  const expected = await byKernel();
  assertEquals(more, []);
  for (let n = 0; n < 4; n++) {
    assertAlmostEquals(first![n]!, expected[1 + n]!, 1e-5);
    assertAlmostEquals(second![n]!, expected[6 + n]!, 1e-5);
  }
  // Answers that are read at the same time do not mix.
  const other = [...answer].reverse();
  const alone = [await maps.read({ ids, images }, answer), await maps.read({ ids, images }, other)];
  assertEquals(await Promise.all([answer, other].map((each) => maps.read({ ids, images }, each))), alone);
  assertNotEquals(alone[0], alone[1]);
  // The same image twice is two maps; an answer without a token has the look before it.
  assertEquals((await maps.read({ ids, images: [images[0]!, images[0]!] }, [])).length, 2);
  await assertRejects(() => maps.read({ ids, images }, new Array(60).fill(20)), RangeError, "the context has 64");
});

Deno.test("image_attention tells where an answer looked, streaming or not, and is refused without images", async () => {
  await using server = await TestServer.start();
  const image = { type: "image_url", image_url: redPixel };
  const messages = [{ role: "user", content: [image, { type: "text", text: "What?" }, image] }];
  const whole = await server.chat({ messages, image_attention: true, n: 2 });
  assertEquals(whole.status, 200, whole.text);
  const maps = whole.json.at("choices.0.image_attention") as (ImageAttention & { shares: number[] })[];
  assertEquals(maps.map(({ grid, shares }) => [grid, shares.length]), [[[4, 4], 16], [[4, 4], 16]]);
  const sum = maps.flatMap(({ shares }) => shares).reduce((all, share) => all + share);
  assert(sum > 0 && sum < 1, String(sum));
  assertEquals((whole.json.at("choices.1.image_attention") as unknown[]).length, 2);
  const events = eventsOf((await server.chat({ messages, image_attention: true, stream: true })).text);
  const told = events.filter((event) => event.at("choices.0.image_attention") !== undefined);
  assertEquals(told.map((event) => event.at("choices.0.image_attention")), [maps]);
  assertEquals(told[0]!.at("choices.0.finish_reason"), whole.json.at("choices.0.finish_reason"));
  assertEquals((await server.chat({ messages })).json.at("choices.0.image_attention"), undefined);
  for (const fields of [{ image_attention: true }, { messages, image_attention: "yes" }]) {
    const { status, json } = await server.chat(fields);
    assertEquals([status, json.at("error.param")], [400, "image_attention"]);
  }
  await assertRejects(
    () => Array.fromAsync(server.model.chat([{ role: "user", content: "Hi" }], { imageAttention: true })),
    RangeError,
    "there are no images",
  );
});
