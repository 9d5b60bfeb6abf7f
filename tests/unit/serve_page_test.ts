import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import { Hono } from "hono";
import { messagesOf } from "../../serve/page/browser/conversation.js";
import { readEvents } from "../../serve/page/browser/events.js";
import { workerSource } from "../../backends/wasm/mod.ts";
import { ConfigError } from "../../core/errors.ts";
import { loadModel } from "../../sdk/load_model.ts";
import { createServer } from "../../serve/mod.ts";
import { tinyModel } from "../e2e/runtimes/tiny_model.ts";
import { loadTiny } from "./serving.ts";

function get(path: string, init: RequestInit = {}, options: Parameters<typeof createServer>[0] = {}) {
  return createServer(options).fetch(new Request(`http://localhost${path}`, init));
}

Deno.test("the page and all that it loads are served without a key or a model, under a strict policy", async () => {
  const page = await get("/", {}, { apiKeys: ["k"] });
  assertEquals([page.status, page.headers.get("content-type")], [200, "text/html; charset=utf-8"]);
  const policy = page.headers.get("content-security-policy")!;
  assertMatch(policy, /^default-src 'none';.*require-trusted-types-for 'script'/);
  assert(!/unsafe|https?:|\*/.test(policy), policy);
  const text = await page.text();
  assert(!/<script(?! type="module" blocking="render" src="page\/)|<style|\son\w+=|\sstyle=|https?:/.test(text));
  const pending = [...text.matchAll(/(?:src|href)="(page\/[^"]+)"/g)].map(([, name]) => name!);
  const seen = new Set<string>();
  for (let name = pending.pop(); name !== undefined; name = pending.pop()) {
    if (seen.has(name)) continue;
    seen.add(name);
    const response = await get(`/${name}`, {}, { apiKeys: ["k"] });
    assertEquals([name, response.status, response.headers.get("x-content-type-options")], [name, 200, "nosniff"]);
    const types = { js: "text/javascript", css: "text/css", svg: "image/svg+xml" };
    const type = types[name.split(".").at(-1) as keyof typeof types];
    assertEquals(response.headers.get("content-type"), `${type}; charset=utf-8`);
    pending.push(...[...(await response.text()).matchAll(/from "\.\/(\w+\.js)"/g)].map(([, other]) => `page/${other}`));
  }
  assertEquals([seen.has("page/main.js"), seen.has("page/style.css"), seen.has("page/store.js")], [true, true, true]);
});

Deno.test("the page is not sent again while it is the same, and only to who may call", async () => {
  const etag = (await get("/page/main.js")).headers.get("etag")!;
  assertEquals((await get("/page/main.js", { headers: { "if-none-match": etag } })).status, 304);
  assertEquals((await get("/page/main.js", { headers: { "if-none-match": '"other"' } })).status, 200);
  assertEquals((await get("/", { method: "HEAD" })).status, 200);
  for (const path of ["/page/nothing.js", "/page/__proto__", "/page/deno.json", "/page/..%2fserver.ts"]) {
    assertEquals((await get(path)).status, 404);
  }
  assertEquals((await get("/", { headers: { host: "evil.example" } }, { hosts: ["localhost"] })).status, 403);
});

Deno.test("the engine is served packed and plain, in a page by itself, and may compile but not evaluate", async () => {
  const packed = await get("/page/engine.js", { headers: { "accept-encoding": "br, gzip" } }, { apiKeys: ["k"] });
  assertEquals([packed.status, packed.headers.get("content-encoding")], [200, "gzip"]);
  assertMatch(
    packed.headers.get("content-security-policy")!,
    /^default-src 'none'; script-src 'self' 'wasm-unsafe-eval';/,
  );
  const text = await new Response(packed.body!.pipeThrough(new DecompressionStream("gzip"))).text();
  const plain = await get("/page/engine.js");
  assertEquals([plain.headers.get("content-encoding"), await plain.text() === text], [null, true]);
  assert(text.length > 100_000);
  assert(!/\bfrom ?"[.n]|\bnew Function\b/.test(text));
  assertEquals(await (await get("/page/thread.js")).text(), workerSource);
  for (const path of ["/", "/page/engine.js", "/page/thread.js"]) {
    const { headers } = await get(path);
    const isolation = ["opener-policy", "embedder-policy"].map((name) => headers.get(`cross-origin-${name}`));
    assertEquals(isolation, ["same-origin", "require-corp"]);
  }
});

Deno.test("a model's files are given to whoever has a key, where the server shares them, and nothing beside them", async () => {
  const stored = new Map([...tinyModel(), ["notes.txt", new Uint8Array()], [".secret.json", new Uint8Array()]]);
  const folder = {
    list: () => Promise.resolve([...stored.keys()]),
    read: (name: string) => Promise.resolve(stored.get(name)!),
  };
  const backend = { use: "wasm", options: { threads: 1 } };
  await using whole = await loadModel({ backend, context: 512, generation: { temperature: 0.5 } }, { folder });
  await using random = await loadTiny();
  await assertRejects(() => loadModel({ model: "random", backend }, { folder }), ConfigError, "a folder is given");
  const send = async (path: string, options: Parameters<typeof createServer>[0], model = whole) => {
    const server = createServer(options);
    await server.put(model, "tiny");
    const headers = { authorization: "Bearer k" };
    const response = await server.fetch(new Request(`http://localhost${path}`, { headers }));
    return [response.status, await response.text()] as const;
  };
  const shared = { shareFiles: true, apiKeys: ["k"] };
  const [status, text] = await send("/model-files?model=tiny", shared);
  const { files, ...rest } = JSON.parse(text);
  assertEquals([status, rest], [200, { model: "tiny", context: 512, generation: { temperature: 0.5 } }]);
  assertEquals(files.sort(), [...tinyModel().keys()].sort());
  const config = new TextDecoder().decode(stored.get("config.json"));
  assertEquals(await send("/model-files/config.json?model=tiny", shared), [200, config]);
  for (const name of ["notes.txt", ".secret.json", "..%2fdeno.json", "%2fetc%2fpasswd"]) {
    assertEquals((await send(`/model-files/${name}?model=tiny`, shared))[0], 404);
  }
  assertEquals((await send("/model-files?model=tiny", { ...shared, apiKeys: ["other"] }))[0], 401);
  assertEquals((await send("/model-files/config.json?model=tiny", { apiKeys: ["k"] }))[0], 403);
  assertStringIncludes((await send("/model-files", shared, random))[1], "it was not loaded from one folder");
});

Deno.test("the page's addresses are right under any prefix", async () => {
  const outer = new Hono().route("/tools/a-i", createServer().app);
  const text = await (await outer.request("/tools/a-i")).text();
  assertStringIncludes(text, '<base href="./a-i/">');
  assertEquals((await outer.request("/tools/a-i/page/main.js")).status, 200);
  assertStringIncludes(await (await get("/")).text(), '<base href="./">');
});

Deno.test("readEvents() gives the data of events however they are cut, and ends the response when it is left", async () => {
  const bytes = new TextEncoder().encode(
    `: ping\n\ndata: {"a":"图"}\n\ndata: one\ndata: two\n\ndata: [DONE]\n\ndata: unfinished`,
  );
  for (const size of [1, 2, 7, 1000]) {
    const pieces = Array.from(
      { length: Math.ceil(bytes.length / size) },
      (_, i) => bytes.slice(i * size, (i + 1) * size),
    );
    const events = await Array.fromAsync(readEvents(ReadableStream.from(pieces)));
    assertEquals(events, ['{"a":"图"}', "one\ntwo", "[DONE]"]);
  }
  let left = false;
  const endless = new ReadableStream({
    pull: (controller) => controller.enqueue(new TextEncoder().encode("data: x\n\n")),
    cancel: () => void (left = true),
  });
  for await (const event of readEvents(endless)) {
    assertEquals(event, "x");
    break;
  }
  assert(left);
});

Deno.test("messagesOf() sends what was answered, images included, and the last question", () => {
  const picture = { name: "a.png", url: "data:image/png;base64,AA==" };
  const image = { type: "image_url" as const, image_url: { url: picture.url } };
  assertEquals(
    messagesOf([
      { question: "What?", pictures: [picture], answer: "A cat" },
      { question: "Failed", pictures: [], answer: "" },
      { question: "", pictures: [picture, picture], answer: "being written anew" },
    ]),
    [
      { role: "user", content: [image, { type: "text", text: "What?" }] },
      { role: "assistant", content: "A cat" },
      { role: "user", content: [image, image] },
    ],
  );
});

Deno.test("the engine that the page runs names no place on the machine that bundled it", async () => {
  const script = await (await get("/page/engine.js")).text();
  assertEquals(script.match(/"npm:jpeg-js\/[^"]*"/g)?.length, 3);
  assertEquals(script.match(/"(\.\.\/)+[^"]*\/npm\/[^"]*"/g), null);
});
