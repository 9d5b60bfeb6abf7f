/**
 * `deno task test:load [CLIENTS] [SECONDS] [LEAVERS]`: many clients at once against the running command, some of which
 * leave early and some of which read slowly; then as many more (500) that all leave in the middle of their streams.
 *
 * Fails if a response is anything but an answer or the announced 429, a stream is not well formed, the server's memory
 * grows without end, or an answer afterwards is not what it was before.
 *
 * @module
 */
import { eventsOf } from "../unit/serving.ts";
import { door } from "./run_command.ts";

const [clients, seconds, leavers] = [64, 60, 500].map((count, i) => Number(Deno.args[i] ?? count)) as [
  number,
  number,
  number,
];
const config = new URL("../../deno.json", import.meta.url).pathname;
const permissions = ["--no-prompt", "--allow-read", "--allow-net=127.0.0.1"];
const flags = ["serve", "random", "--port", "0", "--parallel", "8", "--queue", "32", "--ctx-size", "512"];
const child = new Deno.Command(Deno.execPath(), {
  args: ["run", "--config", config, ...permissions, door, ...flags],
  stderr: "piped",
}).spawn();

let told = "";
const listening = Promise.withResolvers<string>();
const listened = (async () => {
  for await (const text of child.stderr.pipeThrough(new TextDecoderStream())) {
    told += text;
    const url = /^API (http:\S+)\/v1$/m.exec(told)?.[1];
    if (url !== undefined) listening.resolve(url);
  }
  listening.reject(new Error(`the server has ended: ${told}`));
})();

/** Bytes of memory that the server has, where the system tells. */
async function memory(): Promise<number | undefined> {
  const pages = await Deno.readTextFile(`/proc/${child.pid}/statm`).catch(() => undefined);
  return pages === undefined ? undefined : Number(pages.split(" ")[1]) * 4096;
}

const counts = { answered: 0, left: 0, refused: 0, tokens: 0 };
const url = await listening.promise;

function ask(fields: object, signal?: AbortSignal): Promise<Response> {
  const body = JSON.stringify({ messages: [{ role: "user", content: "Hi" }], ...fields });
  return fetch(`${url}/v1/chat/completions`, { method: "POST", body, ...signal && { signal } });
}

/** Reads the first pieces with pauses between, longer than a step takes. */
async function readSlowly(response: Response): Promise<string> {
  let text = "";
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    if (text.length < 2000) await new Promise((resolve) => setTimeout(resolve, 100));
    text += piece;
  }
  return text;
}

/** Begins a stream and leaves after its first pieces, or before them. */
async function leave(id: number): Promise<void> {
  const controller = new AbortController();
  const timer = id % 5 === 0 ? setTimeout(() => controller.abort(), id % 50) : undefined;
  try {
    const response = await ask({ stream: true, max_tokens: 400, ignore_eos: true }, controller.signal);
    if (response.status !== 200) throw new Error(`status ${response.status}: ${await response.text()}`);
    const reader = response.body!.getReader();
    for (let pieces = id % 8; pieces >= 0; pieces--) await reader.read();
    controller.abort();
  } catch (error) {
    if (!controller.signal.aborted) throw error;
  } finally {
    clearTimeout(timer);
  }
}

/** Waits until nothing is answered and nobody waits. */
async function idle(): Promise<void> {
  for (const end = performance.now() + 10_000; performance.now() < end;) {
    const metrics = await (await fetch(`${url}/metrics`)).text();
    if (/^minimind_requests_processing 0$/m.test(metrics) && /^minimind_requests_deferred 0$/m.test(metrics)) return;
    await new Promise((resolve) => setTimeout(resolve, 50));
  }
  throw new Error("answers go on that nobody reads");
}

async function client(id: number, end: number): Promise<void> {
  for (let i = 0; performance.now() < end; i++) {
    const messages = [{ role: "user", content: `${id} asks for the ${i}th time` }];
    const response = await ask({ messages, stream: true, stream_options: { include_usage: true }, max_tokens: 40 });
    if (response.status === 429) {
      counts.refused++;
      const wait = Number(response.headers.get("retry-after"));
      await response.body?.cancel();
      if (!(wait >= 1)) throw new Error("a 429 does not say when to try again");
      await new Promise((resolve) => setTimeout(resolve, 100 * wait));
    } else if (response.status !== 200) {
      throw new Error(`status ${response.status}: ${await response.text()}`);
    } else if (i % 7 === 6) {
      const reader = response.body!.getReader();
      await reader.read();
      await reader.cancel();
      counts.left++;
    } else {
      const events = eventsOf(i % 7 === 3 ? await readSlowly(response) : await response.text());
      const [usage, done] = events.slice(-2);
      const tokens = usage?.at("usage.completion_tokens");
      if (done?.value !== "data: [DONE]" || typeof tokens !== "number") throw new Error("a stream is not well formed");
      counts.answered++;
      counts.tokens += tokens;
    }
  }
}

let failed: unknown;
try {
  const greedy = async () => await (await ask({ temperature: 0, max_tokens: 16 })).json();
  const before = (await greedy()).choices[0].message.content;
  const run = (part: number) => {
    const end = performance.now() + part * seconds * 1000;
    return Promise.all(Array.from({ length: clients }, (_, id) => client(id, end)));
  };
  await run(1 / 4); // whatever is made once is made
  const start = await memory();
  await run(3 / 4);
  await idle();
  const last = await memory();
  for (let id = 0; id < leavers;) {
    await Promise.all(Array.from({ length: Math.min(32, leavers - id) }, () => leave(id++)));
  }
  await idle();
  const left = await memory();
  const after = (await greedy()).choices[0].message.content;
  if (after !== before) throw new Error("an answer is not what it was before");
  if (start !== undefined && last !== undefined && left !== undefined) {
    const mega = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    const told = `${mega(last)} at the end, ${mega(left)} after ${leavers} clients that left`;
    console.log(`memory ${mega(start)} after a quarter of the time, ${told}`);
    if (Math.max(last, left) > 1.3 * start + 64 * 2 ** 20) throw new Error("the server's memory has grown");
  }
} catch (error) {
  failed = error;
} finally {
  child.kill("SIGINT");
  const { code } = await child.status;
  await listened.catch(() => {});
  if (code !== 0) failed ??= new Error(`the server ended with ${code}: ${told}`);
}
const { answered, left, refused, tokens } = counts;
console.log(
  `${clients} clients, ${seconds} s: ${answered} answers of ${tokens} tokens, ${left} left, ${refused} got 429`,
);
if (failed !== undefined) {
  console.error(failed);
  Deno.exit(1);
}
