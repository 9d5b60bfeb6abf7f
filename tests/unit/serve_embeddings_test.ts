import { assertAlmostEquals, assertEquals, assertLess } from "@std/assert";
import { HiddenStates } from "../../core/hidden_states.ts";
import { redPixel, TestServer } from "./serving.ts";

const dot = (a: ArrayLike<number>, b: ArrayLike<number>) =>
  Array.from(a).reduce((sum, value, i) => sum + value * b[i]!, 0);

Deno.test("embeddings are of length 1, the same for the same content, beside others and in base64", async () => {
  await using server = await TestServer.start();
  const image = { type: "image_url", image_url: redPixel };
  const input = ["a cat", "a dog", image, [image, { type: "text", text: "a cat" }]];
  const { status, json } = await server.post("/v1/embeddings", { model: "random", input });
  assertEquals(status, 200, JSON.stringify(json.value));
  const vectors = input.map((_, i) => json.at(`data.${i}.embedding`) as number[]);
  for (const vector of vectors) {
    assertEquals(vector.length, 64);
    assertAlmostEquals(dot(vector, vector), 1, 1e-5);
  }
  for (const other of vectors.slice(1)) assertLess(dot(vectors[0]!, other), 0.999);
  assertEquals(json.at("usage.prompt_tokens"), 5 + 5 + 16 + 21);
  const alone = await server.post("/v1/embeddings", { input: "a cat", encoding_format: "base64", dimensions: 64 });
  const bytes = Uint8Array.fromBase64(String(alone.json.at("data.0.embedding")));
  assertEquals([...new Float32Array(bytes.buffer)], vectors[0]!.map(Math.fround));
});

Deno.test("HiddenStates.mean() does not depend on the padding behind a prompt within 1e-5", async () => {
  await using server = await TestServer.start();
  const { backend, model, weights, tokenizer } = server.model.parts;
  const prompt = { ids: tokenizer.encode("a cat on a mat!!!") }; // 17 tokens: no padding at a context of 17
  using exact = new HiddenStates(backend, model, { weights, context: 17 });
  using padded = new HiddenStates(backend, model, { weights, context: 512 });
  const [a, b] = [await exact.mean(prompt), await padded.mean(prompt)];
  for (const [i, value] of a.entries()) assertAlmostEquals(value, b[i]!, 1e-5);
});

Deno.test("embeddings refuse what is empty, too long, or none, by name", async () => {
  await using server = await TestServer.start();
  const wrong: readonly (readonly [fields: object, param: string | null])[] = [
    [{}, "input"],
    [{ input: "" }, "input"],
    [{ input: [] }, "input"],
    [{ input: [[]] }, "input"],
    [{ input: [1, 2] }, "input[0]"],
    [{ input: [{ type: "audio" }] }, "input[0].type"],
    [{ input: "a", dimensions: 10 }, "dimensions"],
    [{ input: "a", encoding_format: "int8" }, "encoding_format"],
    [{ input: "x".repeat(600) }, null],
  ];
  for (const [fields, param] of wrong) {
    const { status, json } = await server.post("/v1/embeddings", fields);
    assertEquals([status, json.at("error.param")], [400, param]);
  }
});

Deno.test("metrics tell images encoded and found again, and the bytes of caches", async () => {
  await using server = await TestServer.start();
  for (let i = 0; i < 3; i++) await server.post("/v1/embeddings", { input: { type: "image", image: redPixel } });
  const { text } = await server.send("/metrics");
  const value = (name: string) => Number(new RegExp(`^minimind_${name} (.+)$`, "m").exec(text)?.[1]);
  assertEquals([value("image_encode_total"), value("image_cache_hits_total")], [1, 2]);
  assertEquals(value("image_cache_bytes"), 4 * 16 * 64);
  // Keys and values of 2 layers, 2 rows, 512 positions, 2 heads of 16 numbers.
  assertEquals(value("kv_bytes"), 2 * 2 * 2 * 512 * 2 * 16 * 4);
});
