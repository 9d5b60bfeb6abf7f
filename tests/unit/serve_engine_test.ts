import { assert, assertEquals, assertRejects } from "@std/assert";
import { Gate } from "../../serve/answer/gate.ts";
import { merge } from "../../serve/answer/merge.ts";
import { ApiError } from "../../serve/api_error.ts";
import { eventsOf, loadTiny, redPixel, TestServer } from "./serving.ts";

const long = { messages: [{ role: "user", content: "Hi" }], max_tokens: 400, temperature: 1, ignore_eos: true };

/** Begins a stream and reads its first chunk. */
async function begin(server: TestServer, fields = {}, init: RequestInit = {}) {
  const response = await server.server.fetch(
    new Request("http://localhost/v1/chat/completions", {
      method: "POST",
      body: JSON.stringify({ ...long, stream: true, ...fields }),
      ...init,
    }),
  );
  const reader = response.body!.getReader();
  const { value } = await reader.read();
  return { response, reader, first: new TextDecoder().decode(value) };
}

async function metric(server: TestServer, name: string): Promise<number> {
  const { text } = await server.send("/metrics");
  return Number(new RegExp(`^minimind_${name} (.+)$`, "m").exec(text)?.[1]);
}

async function until(fine: () => Promise<boolean>): Promise<void> {
  for (let i = 0; i < 200; i++) {
    if (await fine()) return;
    await new Promise((resolve) => setTimeout(resolve, 25));
  }
  throw new Error("it never came about");
}

Deno.test("Gate lets in as many as it has places, then in order, and forgets who gave up", async () => {
  const gate = new Gate({ places: 1, maxWaiting: 2 });
  const signal = new AbortController().signal;
  const first = await gate.enter(signal);
  const gaveUp = new AbortController();
  const order: string[] = [];
  const second = gate.enter(gaveUp.signal);
  const third = gate.enter(signal).then((place) => (order.push("third"), place));
  const error = await assertRejects(() => gate.enter(signal), ApiError);
  assertEquals([error.status, gate.inside, gate.waiting], [429, 1, 2]);
  gaveUp.abort(new Error("enough"));
  await assertRejects(() => second, Error, "enough");
  first[Symbol.dispose]();
  first[Symbol.dispose]();
  (await third)[Symbol.dispose]();
  assertEquals([order, gate.inside, gate.waiting], [["third"], 0, 0]);
});

Deno.test("merge() gives the pieces of all streams, and an error of any", async () => {
  async function* count(to: number) {
    for (let i = 0; i < to; i++) yield await Promise.resolve(i);
    if (to === 0) throw new Error("none");
  }
  const seen: number[][] = [[], []];
  for await (const [stream, value] of merge([count(3), count(2)])) seen[stream]!.push(value);
  assertEquals(seen, [[0, 1, 2], [0, 1]]);
  await assertRejects(() => Array.fromAsync(merge([count(3), count(0)])), Error, "none");
});

Deno.test("a full queue is answered with 429 and when to try again", async () => {
  await using server = await TestServer.start({ maxQueue: 1 }, { conversations: 1 });
  const { reader } = await begin(server);
  const waiting = server.chat();
  await until(async () => await metric(server, "requests_deferred") === 1);
  const { status, headers, json } = await server.chat();
  assertEquals([status, json.at("error.code")], [429, "queue_full"]);
  assert(Number(headers.get("retry-after")) >= 1);
  // Before its images are looked at, which would be refused otherwise.
  const messages = [{ role: "user", content: [{ type: "image_url", image_url: "none!" }] }];
  assertEquals((await server.chat({ messages })).status, 429);
  await reader.cancel();
  assertEquals((await waiting).status, 200);
});

Deno.test("an answer ends when its client goes away, by the stream or by the request's signal, running or waiting", async () => {
  await using server = await TestServer.start({}, { conversations: 1 });
  const idle = async () =>
    await metric(server, "requests_processing") + await metric(server, "requests_deferred") === 0;
  const { reader } = await begin(server);
  const gone = new AbortController();
  const waiting = server.chat({}).catch(() => undefined);
  const left = server.server.fetch(
    new Request("http://localhost/v1/chat/completions", {
      method: "POST",
      body: JSON.stringify(long),
      signal: gone.signal,
    }),
  );
  await until(async () => await metric(server, "requests_deferred") === 2);
  gone.abort();
  assertEquals((await left).status, 499);
  await reader.cancel();
  assertEquals((await waiting)?.status, 200);
  await until(idle);
  const aborted = new AbortController();
  const stream = await begin(server, {}, { signal: aborted.signal });
  aborted.abort();
  await until(idle);
  await stream.reader.cancel();
});

Deno.test("an answer that takes too long ends with an error, at once or within its stream", async () => {
  await using server = await TestServer.start({ timeoutMs: 1 });
  const { status, json } = await server.chat({ max_tokens: 400, ignore_eos: true });
  assertEquals([status, json.at("error.code")], [504, "timeout"]);
  await using slow = await TestServer.start({ timeoutMs: 400 });
  await slow.chat(); // programs are made
  const { reader } = await begin(slow, { logit_bias: {} });
  await new Promise((resolve) => setTimeout(resolve, 500));
  let text = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    text += new TextDecoder().decode(piece.value);
  }
  assertEquals(eventsOf(text).at(-1)!.at("error.code"), "timeout");
});

Deno.test("a stream gets comments while nothing comes, and begins without its first piece then", async () => {
  await using server = await TestServer.start({ pingMs: 20 }, { conversations: 1 });
  const running = await begin(server);
  const { first, reader } = await begin(server);
  assertEquals(first, ": ping\n\n");
  await reader.cancel();
  await running.reader.cancel();
});

Deno.test("closing lets streams end and refuses what comes after", async () => {
  const server = await TestServer.start();
  const { reader, first } = await begin(server, { max_tokens: 20 });
  assert(first.startsWith("data: "));
  const closed = server[Symbol.asyncDispose]();
  assertEquals((await server.chat()).status, 503);
  assertEquals((await server.send("/health")).status, 503);
  let text = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    text += new TextDecoder().decode(piece.value);
  }
  assertEquals(eventsOf(text).at(-1)!.value, "data: [DONE]");
  await closed;
});

Deno.test("a model that takes another's place gets the new answers; those under way end with the old one", async () => {
  await using server = await TestServer.start();
  const greedy = { temperature: 0, max_tokens: 30 };
  const expected = (await server.chat(greedy)).json.at("choices.0.message.content");
  const { reader } = await begin(server, greedy);
  await using next = await loadTiny();
  let swapped = false;
  const old = server.server.put(next).then((model) => (swapped = true, model));
  assertEquals((await server.chat(greedy)).json.at("choices.0.message.content"), expected);
  assertEquals(swapped, false);
  let text = "";
  for (let piece = await reader.read(); !piece.done; piece = await reader.read()) {
    text += new TextDecoder().decode(piece.value);
  }
  const said = eventsOf(text).map((event) => event.at("choices.0.delta.content") ?? "").join("");
  assertEquals(said, expected);
  assertEquals(await old, server.model);
});

Deno.test("a request whose images are read while its model is replaced is answered by the new one", async () => {
  const reading = Promise.withResolvers<void>();
  const go = Promise.withResolvers<void>();
  const readFile = async () => {
    reading.resolve();
    await go.promise;
    return Uint8Array.fromBase64(redPixel);
  };
  await using server = await TestServer.start({ readFile });
  const messages = [{ role: "user", content: [{ type: "image_url", image_url: "file://a.gif" }] }];
  const answer = server.chat({ messages, temperature: 0 });
  await reading.promise;
  const next = await loadTiny();
  await (await server.server.put(next) as typeof next)[Symbol.asyncDispose](); // as --watch does
  go.resolve();
  const { status, json } = await answer;
  assertEquals([status, json.at("usage.completion_tokens")], [200, 6]);
  assertEquals(await metric(server, "kv_bytes"), next.statistics.cacheBytes);
  await next[Symbol.asyncDispose]();
});

Deno.test("answers that were refused or that ended are not counted as cancelled", async () => {
  await using server = await TestServer.start({ timeoutMs: 3e9 }, { conversations: 1 }); // longer than a timer can be
  const tooLong = await server.chat({ messages: [{ role: "user", content: "x".repeat(2000) }] });
  assertEquals([tooLong.status, tooLong.json.at("error.code")], [400, "context_length_exceeded"]);
  assertEquals((await server.chat()).status, 200);
  assertEquals((await server.chat({ stream: true })).status, 200);
  const ollama = { messages: [{ role: "user", content: "Hi" }], options: { num_predict: 3 } };
  for (const stream of [true, false]) assertEquals((await server.post("/api/chat", { ...ollama, stream })).status, 200);
  assertEquals(await metric(server, "answers_cancelled_total"), 0);
  const { reader } = await begin(server);
  await reader.cancel();
  await until(async () => await metric(server, "answers_cancelled_total") === 1);
});

Deno.test("answers at once are those alone", async () => {
  await using server = await TestServer.start({}, { conversations: 4 });
  const ask = async (seed: number) =>
    (await server.chat({ seed, max_tokens: 12 })).json.at("choices.0.message.content");
  const seeds = [1, 2, 3, 4, 5, 6, 7, 8];
  const alone = [];
  for (const seed of seeds) alone.push(await ask(seed));
  assertEquals(await Promise.all(seeds.map(ask)), alone);
  assertEquals(await metric(server, "requests_processing"), 0);
});

Deno.test("the event loop has its turns while a stream that is read without waiting is written on one thread", async () => {
  await using server = await TestServer.start({}, { conversations: 1 });
  await using listener = Deno.serve(
    { port: 0, hostname: "127.0.0.1", onListen() {} },
    (request) => server.server.fetch(request),
  );
  /** Milliseconds between two turns while a stream goes on, and whether somebody else was answered within it. */
  const measure = async () => {
    const { reader } = await begin(server, { max_tokens: 450 });
    let [turns, over, answered] = [0, false, false];
    const tick = () => {
      turns++;
      if (!over) setTimeout(tick);
    };
    setTimeout(tick);
    const health = fetch(`http://127.0.0.1:${listener.addr.port}/health`).then(async (response) => {
      assertEquals(await response.text(), '{"status":"ok"}');
      answered = !over;
    });
    const start = performance.now();
    while (!(await reader.read()).done);
    over = true;
    const each = (performance.now() - start) / turns;
    await health;
    return { each, answered };
  };
  await measure();
  const measured = [];
  for (let i = 0; i < 5; i++) measured.push(await measure());
  assert(measured.every(({ answered }) => answered), JSON.stringify(measured));
  assert(Math.min(...measured.map(({ each }) => each)) < 45, JSON.stringify(measured));
});

Deno.test("a client that stops reading does not slow down the others", async () => {
  await using server = await TestServer.start({}, { conversations: 2 });
  const time = async () => {
    const start = performance.now();
    assertEquals((await server.chat({ ...long, stream: true })).status, 200);
    return performance.now() - start;
  };
  await time();
  const alone = [await time(), await time(), await time()];
  const { reader } = await begin(server);
  const beside = [await time(), await time(), await time()];
  await reader.cancel();
  // Waiting for it at each step would take ten times as long.
  assert(Math.min(...beside) < 4 * Math.min(...alone), JSON.stringify({ alone, beside }));
});
