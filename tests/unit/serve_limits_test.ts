import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { Hono } from "hono";
import { TestServer } from "./serving.ts";

Deno.test("an address that takes other methods says so with 405 and Allow, mounted or not; an unknown one is 404", async () => {
  await using server = await TestServer.start();
  const mounted = new Hono().route("/ai", server.server.app);
  const cases: readonly (readonly [method: string, path: string, status: number, allow: string | null])[] = [
    ["GET", "/v1/chat/completions", 405, "POST"],
    ["PUT", "/v1/responses", 405, "POST"],
    ["POST", "/v1/models", 405, "GET, HEAD"],
    ["DELETE", "/v1/models/random", 405, "GET, HEAD"],
    ["OPTIONS", "/health", 405, "GET, HEAD"],
    ["GET", "/v1/chat", 404, null],
    ["POST", "/nothing", 404, null],
  ];
  for (const [method, path, status, allow] of cases) {
    const alone = await server.send(path, { method });
    assertEquals([path, alone.status, alone.headers.get("allow")], [path, status, allow]);
    assertStringIncludes(String(alone.json.at("error.message")), `Cannot ${method} "${path}": `);
    const inside = await mounted.fetch(new Request(`http://localhost/ai${path}`, { method }));
    assertEquals([path, inside.status, inside.headers.get("allow")], [path, status, allow]);
    await inside.body?.cancel();
  }
});

Deno.test("bodies that are being read at once take no more bytes than allowed, and give them back", async () => {
  await using server = await TestServer.start({ maxReadingBytes: 1000 });
  const { readable, writable } = new TransformStream<Uint8Array, Uint8Array>();
  const slow = server.send("/v1/chat/completions", { method: "POST", body: readable });
  const writer = writable.getWriter();
  const body = JSON.stringify({ messages: [{ role: "user", content: "Hi" }], max_tokens: 1 }).padEnd(800);
  await writer.write(new TextEncoder().encode(body));
  const other = await server.post("/v1/chat/completions", body);
  assertEquals([other.status, other.json.at("error.code"), other.headers.get("retry-after")], [429, "too_busy", "1"]);
  await writer.close();
  assertEquals((await slow).status, 200);
  for (let i = 0; i < 3; i++) assertEquals((await server.post("/v1/chat/completions", body)).status, 200);
});

Deno.test("megabytes of text are refused before they are cut into tokens", async () => {
  await using server = await TestServer.start();
  const content = "word ".repeat(2 ** 18);
  const encode = server.model.parts.tokenizer.encode;
  let longest = 0;
  server.model.parts.tokenizer.encode = function (text, options) {
    longest = Math.max(longest, text.length);
    return encode.call(this, text, options);
  };
  const requests = {
    "/v1/chat/completions": { messages: [{ role: "user", content: [{ type: "text", text: content }] }] },
    "/v1/responses": { input: content, reasoning: { effort: "low" } },
    "/v1/completions": { prompt: content },
    "/v1/embeddings": { input: content },
    "/api/generate": { prompt: content },
    "/apply-template": { messages: [{ role: "user", content }] },
  };
  for (const [path, body] of Object.entries(requests)) {
    const { status, json, text } = await server.post(path, body);
    assertEquals([path, status], [path, 400], text);
    if (path.startsWith("/v1")) assertEquals(json.at("error.code"), "context_length_exceeded");
  }
  assert(longest < 1000, `${longest} characters were cut into tokens`);
  const { status, json } = await server.post("/tokenize", { content });
  assertEquals([status, json.at("error.param")], [400, "content"]);
  // Space around a text may be left out by a template, so that alone is no reason.
  assertEquals((await server.chat({ messages: [{ role: "user", content: "x".padEnd(300) }] })).status, 200);
});

Deno.test("longestToken is the length of the longest of all tokens in bytes", async () => {
  await using server = await TestServer.start();
  const { tokenizer } = server.model.parts;
  const lengths = Array.from({ length: tokenizer.vocabulary }, (_, id) => tokenizer.bytesOf(id).length);
  assertEquals(tokenizer.longestToken, Math.max(...lengths));
});
