import { assert, assertEquals, assertRejects } from "@std/assert";
import type { ChatEvent, ChatOptions, Message, TokenLogprobs } from "../../core/chat_events.ts";
import type { ChatModel } from "../../sdk/chat_model.ts";
import { loadModel } from "../../sdk/load_model.ts";

const config = { model: "random", backend: { use: "wasm", options: { threads: 1 } } };
const question: Message[] = [{ role: "user", content: "Tell me about the sea and the ships on it." }];

type Finish = Extract<ChatEvent, { type: "finish" }>;

/** All events, and the answers by index. */
async function ask(model: ChatModel, options: ChatOptions): Promise<{ events: ChatEvent[]; finish: Finish[] }> {
  const events = await Array.fromAsync(model.chat(question, { maxNewTokens: 24, temperature: 1, seed: 7, ...options }));
  const finish = events.filter((event) => event.type === "finish").sort((a, b) => a.index - b.index);
  return { events, finish };
}

function deltas(events: readonly ChatEvent[]): Extract<ChatEvent, { type: "text-delta" }>[] {
  return events.filter((event) => event.type === "text-delta");
}

Deno.test("chat() gives n answers side by side, each what its seed gives alone, and takes the prompt in once", async () => {
  await using model = await loadModel(config, { conversations: 4 });
  const { events, finish } = await ask(model, { n: 3 });
  assertEquals(finish.map(({ index }) => index), [0, 1, 2]);
  assertEquals(new Set(finish.map(({ text }) => text)).size, 3);
  for (const { index, text } of finish) {
    const pieces = deltas(events).filter((event) => event.index === index).map((event) => event.text);
    assertEquals(pieces.join(""), text);
    await using alone = await loadModel(config);
    assertEquals((await ask(alone, { seed: 7 + index })).finish[0]!.text, text);
  }
  const { promptTokens } = finish[0]!.usage;
  assert(finish.slice(1).every(({ usage }) => usage.cachedTokens > promptTokens / 2));
  // More answers than rows wait their turn.
  assertEquals((await ask(model, { n: 6 })).finish.slice(0, 3).map(({ text }) => text), finish.map(({ text }) => text));
});

Deno.test("chat() tells tokens with their text, bytes and log-probabilities, in pieces and at the end", async () => {
  await using model = await loadModel(config, { conversations: 2 });
  const plain = await ask(model, {});
  assertEquals([plain.finish[0]!.logprobs, deltas(plain.events)[0]!.logprobs], [undefined, undefined]);
  const { events, finish: [finish] } = await ask(model, { logprobs: true, topLogprobs: 2 });
  assertEquals(finish!.text, plain.finish[0]!.text);
  const tokens = finish!.logprobs!;
  assertEquals(deltas(events).flatMap(({ logprobs }) => logprobs!), [...tokens]);
  const ended = finish!.reason === "stop" ? 1 : 0;
  assertEquals(tokens.length, finish!.usage.completionTokens - ended);
  const said = (token: TokenLogprobs) => model.parts.tokenizer.control.eos?.text !== token.token && token.id > 3;
  const bytes = Uint8Array.from(tokens.filter(said).flatMap(({ bytes }) => bytes));
  assertEquals(new TextDecoder().decode(bytes), finish!.text);
  for (const { logprob, topLogprobs } of tokens) {
    assert(logprob <= topLogprobs[0]!.logprob && topLogprobs[0]!.logprob >= topLogprobs[1]!.logprob);
  }
  const greedy = await ask(model, { logprobs: true, temperature: 0 });
  assertEquals(greedy.finish[0]!.logprobs!.every(({ topLogprobs }) => topLogprobs.length === 0), true);
  const { finish: [short] } = await ask(model, { logprobs: true, topLogprobs: 20, maxNewTokens: 1 });
  const mass = short!.logprobs![0]!.topLogprobs.reduce((sum, { logprob }) => sum + Math.exp(logprob), 0);
  assert(mass > 20 / 260 && mass < 1, `the 20 likeliest of 260 tokens have ${mass}`);
});

Deno.test("chat() leaves the tokens of a stop text out of the log-probabilities", async () => {
  await using model = await loadModel(config);
  const whole = (await ask(model, { logprobs: true })).finish[0]!;
  const stop = whole.text.slice(6, 8);
  const { finish: [cut], events } = await ask(model, { logprobs: true, stop: [stop] });
  assertEquals([cut!.reason, cut!.text], ["stop", whole.text.slice(0, whole.text.indexOf(stop))]);
  const tokens = cut!.logprobs!;
  assertEquals(tokens, whole.logprobs!.slice(0, tokens.length));
  assert(tokens.length < whole.logprobs!.length && tokens.length > 0);
  assertEquals(deltas(events).flatMap(({ logprobs }) => logprobs!), [...tokens]);
});

Deno.test("chat() takes biases and penalties, and ends no answer with ignoreEos", async () => {
  await using model = await loadModel(config);
  const letter = model.parts.tokenizer.encode("x")[0]!;
  const { finish: [forced] } = await ask(model, { logitBias: { [letter]: 100 }, maxNewTokens: 5 });
  assertEquals(forced!.text, "xxxxx");
  const penalised = await ask(model, { logitBias: { [letter]: 100 }, noRepeatNgramSize: 1, maxNewTokens: 5 });
  assertEquals(penalised.finish[0]!.text.match(/x/g)?.length, 1);
  const eos = model.parts.tokenizer.control.eos!.id;
  const ending: ChatOptions = { logitBias: { [eos]: 100 }, maxNewTokens: 9 };
  assertEquals((await ask(model, ending)).finish[0]!.usage.completionTokens, 1);
  assertEquals((await ask(model, { ...ending, minTokens: 4 })).finish[0]!.usage.completionTokens, 5);
  const { finish: [whole] } = await ask(model, { ...ending, ignoreEos: true });
  assertEquals([whole!.usage.completionTokens, whole!.reason], [9, "length"]);
});

Deno.test("chat() refuses options of answers that contradict each other", async () => {
  await using model = await loadModel(config);
  const refused: readonly (readonly [ChatOptions, string])[] = [
    [{ n: 0 }, "Cannot answer 0 times: n must be a whole number above 0"],
    [{ n: 2, beams: 2 }, "Cannot answer 2 times with 2 beams: a search has one result"],
    [{ topLogprobs: 2 }, "Cannot answer with topLogprobs: they come with logprobs: true"],
    [{ logprobs: true, topLogprobs: 21 }, "Cannot generate: topLogprobs is 21"],
    [{ logprobs: true, beams: 2 }, "a beam search draws nothing, so topLogprobs does not apply to it"],
    [{ frequencyPenalty: 7 }, "Cannot sample with frequencyPenalty 7: it must be from -2 to 2"],
  ];
  for (const [options, message] of refused) await assertRejects(() => ask(model, options), RangeError, message);
});
