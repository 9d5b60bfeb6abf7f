import { assert, assertEquals, assertStringIncludes } from "@std/assert";
import { loadTiny, redPixel, TestServer } from "../unit/serving.ts";
import { imagePath } from "./tiny_model.ts";

/** A server on a port. */
async function listen(options = {}, load = {}) {
  const served = await TestServer.start(options, load);
  const listener = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => served.server.fetch(request),
  );
  const { port } = listener.addr;
  return {
    served,
    port,
    url: `http://127.0.0.1:${port}`,
    async [Symbol.asyncDispose]() {
      await listener.shutdown();
      await served[Symbol.asyncDispose]();
    },
  };
}

const question = { messages: [{ role: "user", content: "Hi" }], temperature: 1, max_tokens: 200, ignore_eos: true };

async function gauge(served: TestServer, name: string): Promise<number> {
  const { text } = await served.send("/metrics");
  return Number(new RegExp(`^minimind_${name} (.+)$`, "m").exec(text)?.[1]);
}

/** Waits until nothing is answered and nobody waits. */
async function idle(served: TestServer): Promise<void> {
  for (let i = 0; i < 400; i++) {
    if (await gauge(served, "requests_processing") + await gauge(served, "requests_deferred") === 0) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("answers go on that nobody reads");
}

/** Sends the bytes of a request, and closes after `wait` milliseconds or when `stop` says so. */
async function sendRaw(port: number, text: string, stop: (heard: string) => boolean): Promise<string> {
  using connection = await Deno.connect({ hostname: "127.0.0.1", port });
  await connection.write(new TextEncoder().encode(text));
  const buffer = new Uint8Array(4096);
  let heard = "";
  while (!stop(heard)) {
    const count = await connection.read(buffer).catch(() => null);
    if (count === null) break;
    heard += new TextDecoder().decode(buffer.subarray(0, count));
  }
  return heard;
}

function post(body: string, length = new TextEncoder().encode(body).length): string {
  const head = "POST /v1/chat/completions HTTP/1.1\r\nHost: 127.0.0.1\r\nConnection: close\r\n";
  return `${head}Content-Length: ${length}\r\n\r\n${body}`;
}

Deno.test("500 clients that leave in the middle of their streams leave nothing behind, and later answers are right", async () => {
  await using server = await listen({ maxQueue: 200 }, { conversations: 4 });
  const { served } = server;
  const expected = (await served.chat({ temperature: 0 })).json.at("choices.0.message.content");
  const body = JSON.stringify({ ...question, stream: true });
  for (let round = 0; round < 25; round++) {
    await Promise.all(Array.from({ length: 20 }, (_, i) => {
      // Some leave before the first byte, most somewhere in the stream.
      return sendRaw(server.port, post(body), (heard) => i % 5 === 0 || heard.length > 600 + 150 * i);
    }));
  }
  await idle(served);
  assertEquals((await served.chat({ temperature: 0 })).json.at("choices.0.message.content"), expected);
});

Deno.test("a client that stops reading holds its place no longer than an answer may take", async () => {
  await using served = await TestServer.start({ timeoutMs: 900 }, { conversations: 1 });
  await served.chat(); // programs are made
  const body = JSON.stringify({ ...question, stream: true, max_tokens: 450 });
  // Without a socket, whose buffers would take a whole answer of this size.
  const slow = await served.server.fetch(new Request("http://localhost/v1/chat/completions", { method: "POST", body }));
  const reader = slow.body!.getReader();
  await reader.read();
  assertEquals(await gauge(served, "requests_processing"), 1);
  await idle(served);
  assertEquals((await served.chat({ max_tokens: 1 })).status, 200);
  let rest = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    rest += new TextDecoder().decode(piece.value);
  }
  assertStringIncludes(rest, '"code":"timeout"');
});

Deno.test("bodies that are cut off, too long or no HTTP get an error or a closed connection, and the server goes on", async () => {
  await using server = await listen({ maxBodyBytes: 2000 });
  const whole = JSON.stringify(question);
  const first = (heard: string) => heard.includes("\r\n\r\n");
  assert((await sendRaw(server.port, post("x".repeat(3000)), first)).startsWith("HTTP/1.1 413"));
  await sendRaw(server.port, post(whole.slice(0, 20), whole.length), () => true); // leaves before all was sent
  await sendRaw(server.port, "nonsense\r\n\r\n", first);
  await sendRaw(server.port, `GET /health HTTP/1.1\r\nConnection: close\r\nX: ${"a".repeat(100_000)}\r\n\r\n`, first);
  const chunked = 'POST /tokenize HTTP/1.1\r\nHost: 127.0.0.1\r\nTransfer-Encoding: chunked\r\n\r\n3\r\n{"c\r\nZZ\r\n';
  await sendRaw(server.port, chunked, () => true);
  assertEquals((await server.served.send("/health")).status, 200);
  assertEquals((await fetch(`${server.url}/v1/chat/completions`, { method: "POST", body: whole })).status, 200);
});

Deno.test("values that are nested without end or long get a short error, and bodies that drip in one in time", async () => {
  await using server = await listen({ bodyTimeoutMs: 300 });
  const nest = (open: string, inner: string, close: string) => open.repeat(20_000) + inner + close.repeat(20_000);
  const parameters = nest('{"a":', "1", "}");
  for (
    const field of [
      `"tools":[{"type":"function","function":{"name":"f","parameters":${parameters}}}]`,
      `"temperature":${nest("[", "", "]")}`,
      `"response_format":{"type":"json_schema","json_schema":{"schema":${parameters}}}`,
      `"${"f".repeat(100_000)}":1`,
      `"model":"${"m".repeat(100_000)}"`,
    ]
  ) {
    const body = `{"messages":[{"role":"user","content":"Hi"}],${field}}`;
    const { status, text } = await server.served.post("/v1/chat/completions", body);
    assert([400, 404].includes(status) && text.length < 500, `${status}: ${text.slice(0, 600)}`);
  }
  const drip = await sendRaw(server.port, post('{"messages":', 1000), (heard) => heard.includes("too long to come"));
  assert(drip.startsWith("HTTP/1.1 408"), drip);
});

/** Numbers that look random and are the same each time. */
function numbers(seed: number): (below: number) => number {
  return (below) => {
    seed = Math.imul(seed, 1664525) + 1013904223 | 0;
    return (seed >>> 8) % below;
  };
}

Deno.test("1,000 requests of damaged JSON are answered with 200 or 400 and an error in its form", async () => {
  await using server = await TestServer.start({}, { conversations: 4 });
  const draw = numbers(1);
  const content = [{ type: "text", text: "Hi" }, { type: "image_url", image_url: { url: redPixel, detail: "low" } }];
  const body = {
    ...{ model: "random", messages: [{ role: "system", content: "x" }, { role: "user", content }], max_tokens: 1 },
    ...{ temperature: 0.5, top_p: 0.9, stop: ["a"], seed: 1, n: 1, logprobs: true, top_logprobs: 1, stream: false },
    ...{ logit_bias: { 7: 1 }, response_format: { type: "text" }, tools: [], stream_options: null },
  };
  const values = [null, true, -1, 0.5, 1e308, "", "\u0000", [], {}, [[[]]], { a: 1 }, "data:,", 2 ** 53];
  const seen = new Map<number, number>();
  for (let i = 0; i < 1000; i++) {
    const changed = structuredClone(body) as Record<string, unknown>;
    let inside: Record<string, unknown> = changed;
    for (;;) { // goes down to a value somewhere inside
      const keys = Object.keys(inside);
      const key = keys[draw(keys.length)]!;
      const value = inside[key];
      if (typeof value === "object" && value !== null && Object.keys(value).length > 0 && draw(3) > 0) {
        inside = value as Record<string, unknown>;
        continue;
      }
      inside[draw(8) === 0 ? `${key}_` : key] = values[draw(values.length)];
      break;
    }
    let text = JSON.stringify(changed);
    if (draw(4) === 0) text = text.slice(0, draw(text.length)) + text.slice(draw(text.length));
    const { status, json } = await server.post("/v1/chat/completions", text);
    seen.set(status, (seen.get(status) ?? 0) + 1);
    if (status !== 200) {
      assert([400, 404].includes(status), `${status} for ${text}`);
      assert(String(json.at("error.message")).startsWith("Cannot "), text);
    }
  }
  assert(seen.get(400)! > 500 && seen.get(200)! > 20, JSON.stringify([...seen]));
});

Deno.test("1,000 damaged images are answered with 200 or 400, and the model is right afterwards", async () => {
  await using server = await TestServer.start();
  const expected = (await server.chat({ temperature: 0 })).json.at("choices.0.message.content");
  const draw = numbers(2);
  const files = ["rgb_8.png", "baseline.jpg", "lossy.webp", "plain.gif"].map((name) =>
    Deno.readFileSync(imagePath(name))
  );
  for (let i = 0; i < 1000; i++) {
    let bytes = files[i % files.length]!.slice();
    for (let n = draw(6); n > 0; n--) bytes[draw(bytes.length)] = draw(256);
    if (draw(4) === 0) bytes = bytes.subarray(0, draw(bytes.length));
    const messages = [{ role: "user", content: [{ type: "image_url", image_url: bytes.toBase64() }] }];
    const { status, text } = await server.chat({ messages, max_tokens: 1 });
    assert(status === 200 || status === 400, text);
  }
  assertEquals((await server.chat({ temperature: 0 })).json.at("choices.0.message.content"), expected);
});

Deno.test("a model that is swapped again and again under streams never mixes answers, and old ones can be disposed of", async () => {
  await using server = await TestServer.start({}, { conversations: 2 });
  const ask = async () => (await server.chat({ temperature: 0, max_tokens: 16 })).json.at("choices.0.message.content");
  const expected = await ask();
  let going = true;
  const clients = Array.from({ length: 3 }, async () => {
    while (going) assertEquals(await ask(), expected);
  });
  const old = [];
  for (let i = 0; i < 3; i++) {
    const before = await server.server.put(await loadTiny());
    if (before !== server.model) old.push(before as unknown as AsyncDisposable);
  }
  going = false;
  await Promise.all(clients);
  for (const model of old) await model[Symbol.asyncDispose]();
  assertEquals(old.length, 2);
  assertEquals(await ask(), expected);
});
