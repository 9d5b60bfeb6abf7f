/**
 * `deno run --no-lock --allow-all bench/serving.ts [--threads N] [--rounds N] [--tokens N] [--streams 1,8]`: 8 streams
 * over HTTP, one after the other and several at once, from the server to a client in the same process. Weights are random, the decoder's blocks are
 * MiniMind2-Small's; its ids are bytes.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { loadModel } from "../mod.ts";
import { createServer } from "../serve/mod.ts";
import { formatResults, race } from "./harness.ts";

const flags = parseArgs(Deno.args, { string: ["threads", "rounds", "tokens", "streams"] });
const [threads, rounds] = [Number(flags.threads ?? 2), Number(flags.rounds ?? 5)];
const [answers, tokens] = [8, Number(flags.tokens ?? 32)];
const streams = (flags.streams ?? "1,2,4,8").split(",").map(Number);

const sizes = {
  ...{ hidden_size: 512, num_hidden_layers: 8, num_attention_heads: 8, num_key_value_heads: 2 },
  ...{ intermediate_size: 1408, vocab_size: 260, max_position_embeddings: 1024 },
};
const backend = { use: "wasm", options: { threads } };
const decoder = { use: "minimind", options: { generation: 3, ...sizes } };
await using model = await loadModel({ model: "random", backend, decoder, context: 256 }, {
  conversations: Math.max(...streams),
});
await using server = createServer();
await server.put(model);
await using listener = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, server.fetch);
const url = `http://127.0.0.1:${listener.addr.port}/v1/chat/completions`;

/** Reads a stream to its end, and sees to it that it has one. */
async function ask(i: number): Promise<void> {
  const messages = [{ role: "user", content: `${i}` }]; // short: decoding is what is shared
  const fields = { max_tokens: tokens, ignore_eos: true, temperature: 1, seed: i, stream: true };
  const response = await fetch(url, { method: "POST", body: JSON.stringify({ messages, ...fields }) });
  const text = await response.text();
  if (!text.endsWith("data: [DONE]\n\n")) throw new Error(`a stream without its end: ${text.slice(-200)}`);
}

const contenders = streams.map((count) => ({
  name: `${count} at once`,
  async run() {
    let next = 0;
    await Promise.all(Array.from({ length: count }, async () => {
      while (next < answers) await ask(next++);
    }));
  },
}));
const results = await race({ work: "streams, 512×8", amount: answers * tokens, unit: "tok/s", contenders, rounds });
console.log(`${threads} threads, load ${Deno.loadavg()[0]!.toFixed(1)}, ${answers} streams of ${tokens} tokens\n`);
console.log(formatResults(results));
