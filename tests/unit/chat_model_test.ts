import { assert, assertEquals, assertRejects } from "@std/assert";
import { ContextError } from "../../core/errors.ts";
import type { Plugin } from "../../core/plugin.ts";
import type { ChatEvent, ChatOptions } from "../../core/chat_events.ts";
import type { ChatModel } from "../../sdk/chat_model.ts";
import { loadModel } from "../../sdk/load_model.ts";
import { imagePath } from "../e2e/tiny_model.ts";

/** An encoder that counts how often it is asked: each pixel's first values, repeated. */
function countingEncoder(): { plugin: Plugin<"encoder", unknown>; runs: number } {
  const counted = {
    runs: 0,
    plugin: {
      contract: 1,
      kind: "encoder",
      name: "counting",
      summary: "the first pixels",
      parseOptions: (options) => options,
      create: () => ({
        name: "counting",
        pixels: { size: 32, mean: [0.5, 0.5, 0.5], std: [0.5, 0.5, 0.5] },
        output: { tokens: 16, width: 64 },
        async run(pixels) {
          counted.runs++;
          await new Promise((resolve) => setTimeout(resolve, 5));
          return pixels.slice(0, 16 * 64);
        },
        [Symbol.asyncDispose]: () => Promise.resolve(),
      }),
    } satisfies Plugin<"encoder", unknown>,
  };
  return counted;
}

const [photo, other] = await Promise.all(["rgb_8.png", "grey.jpg"].map((name) => Deno.readFile(imagePath(name))));

async function ask(model: ChatModel, image: Uint8Array, options: ChatOptions = {}): Promise<string> {
  const content = [{ type: "image", image }, { type: "text", text: "What?" }] as const;
  const settings = { temperature: 0.9, seed: 3, maxNewTokens: 10, ...options };
  for await (const event of model.chat([{ role: "user", content }], settings)) {
    if (event.type === "finish") return event.text;
  }
  throw new Error("no end");
}

Deno.test("chat() gives each of several chats at once what it gives alone, beams among them", async () => {
  const config = { model: "random", backend: { use: "wasm", options: { threads: 1 } } };
  const options: readonly ChatOptions[] = [
    {},
    { seed: 4, maxNewTokens: 17 },
    { beams: 3 },
    { temperature: 0, repetitionPenalty: 1.5 },
    { beams: 2, lengthPenalty: 0 },
    { seed: 5, topK: 4 },
  ];
  const alone: string[] = [];
  for (const each of options) {
    await using model = await loadModel(config, { conversations: 3 });
    alone.push(await ask(model, photo!, each));
  }
  assert(new Set(alone).size > 4);
  await using model = await loadModel(config, { conversations: 4 });
  assertEquals(await Promise.all(options.map((each) => ask(model, photo!, each))), alone);
});

Deno.test("chat() encodes an image that several chats show once, and anew when the first is aborted", async () => {
  const counted = countingEncoder();
  await using model = await loadModel({ model: "random", backend: "reference", encoder: { use: counted.plugin } });
  const texts = await Promise.all([ask(model, photo!), ask(model, photo!), ask(model, other!)]);
  assertEquals([counted.runs, texts[0] === texts[1]], [2, true]);
  await ask(model, photo!);
  assertEquals(counted.runs, 2);

  await using fresh = await loadModel({ model: "random", backend: "reference", encoder: { use: counted.plugin } });
  const [controller, reason] = [new AbortController(), new Error("enough")];
  const first = ask(fresh, photo!, { signal: controller.signal });
  const second = ask(fresh, photo!);
  controller.abort(reason);
  assertEquals(await assertRejects(() => first), reason);
  assertEquals(await second, texts[0]);
});

Deno.test("chat() refuses more beams than conversations", async () => {
  await using model = await loadModel({ model: "random", backend: "reference" });
  await assertRejects(
    () => ask(model, photo!, { beams: 3 }),
    RangeError,
    "Cannot answer with 3 beams: the model was loaded for 2 conversations",
  );
});

async function textOf(events: AsyncIterable<ChatEvent>): Promise<string> {
  let text = "";
  for await (const event of events) if (event.type === "finish") text = event.text;
  return text;
}

Deno.test("complete() goes on with the text that render() prints as chat() answers, and with its ids", async () => {
  await using model = await loadModel({ model: "random", backend: "reference" });
  const options = { temperature: 0.9, seed: 3, maxNewTokens: 10 };
  const messages = [{ role: "user", content: "Tell me" }] as const;
  const { text, ids } = model.render(messages);
  const answer = await textOf(model.chat(messages, options));
  assertEquals(await textOf(model.complete(text, options)), answer);
  assertEquals(await textOf(model.complete(ids, options)), answer);
});

Deno.test("complete() takes what looks like an image for text, and refuses what fills the context", async () => {
  await using model = await loadModel({ model: "random", backend: "reference", context: 64 });
  const { placeholder: { tokens } } = model.parts.model;
  const markers = "<|image_pad|>".repeat(tokens);
  assertEquals((await textOf(model.complete(markers, { seed: 1, maxNewTokens: 4 }))).length > 0, true);
  const error = await assertRejects(() => textOf(model.complete("x".repeat(64))), ContextError);
  assertEquals(error.message, "Cannot answer: the prompt takes 64 tokens, the context has 64");
});
