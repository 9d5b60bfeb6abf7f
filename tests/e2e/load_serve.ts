/**
 * `deno task test:load [CLIENTS] [SECONDS]`: many clients at once against the running command, some of which leave early.
 *
 * Fails if a response is anything but an answer or the announced 429, a stream is not well formed, the server's memory
 * grows without end, or an answer afterwards is not what it was before.
 *
 * @module
 */
import { eventsOf } from "../unit/serving.ts";
import { door } from "./run_command.ts";

const [clients, seconds] = [Number(Deno.args[0] ?? 64), Number(Deno.args[1] ?? 60)];
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
    const url = / at (http:\S+)\/v1/.exec(told)?.[1];
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
      const events = eventsOf(await response.text());
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
  const last = await memory();
  const after = (await greedy()).choices[0].message.content;
  if (after !== before) throw new Error("an answer is not what it was before");
  const metrics = await (await fetch(`${url}/metrics`)).text();
  if (!/^minimind_requests_processing 0$/m.test(metrics)) throw new Error("answers go on that nobody reads");
  if (start !== undefined && last !== undefined) {
    const mega = (bytes: number) => `${(bytes / 2 ** 20).toFixed(0)} MiB`;
    console.log(`memory ${mega(start)} after a quarter of the time, ${mega(last)} at the end`);
    if (last > 1.3 * start + 64 * 2 ** 20) throw new Error("the server's memory has grown");
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
