import { assert, assertEquals, assertRejects, assertStringIncludes, assertThrows } from "@std/assert";
import { changeSetting, listSettings } from "../../cli/chat/settings.ts";
import { ChatSession } from "../../cli/chat/session.ts";
import { imageReader } from "../../cli/read_image.ts";
import { loadModel } from "../../sdk/load_model.ts";

const readImage = imageReader();
const image = new URL("../fixtures/images/rgb_8.png", import.meta.url).pathname;
const options = { temperature: 0, maxNewTokens: 5 };

/** The random model on plain loops: no threads, and the same bits everywhere. */
const model = () => loadModel({ model: "random", backend: "reference" }, { readImage });

Deno.test("ChatSession remembers what was said, answers anew, and takes back a question that fails", async () => {
  await using loaded = await model();
  const session = new ChatSession(loaded, { system: "Be brief", options, readImage });
  await session.attach(image);
  const pieces: string[] = [];
  const first = await session.ask("What?", { onText: (text) => pieces.push(text) });
  assertEquals([pieces.join(""), first.finish!.usage.imageTokens, session.images.length], [first.text, 16, 0]);
  const second = await session.ask("Why?");
  assertEquals(session.messages.map(({ role }) => role), ["user", "assistant", "user", "assistant"]);
  assertEquals((await session.regenerate()).text, second.text);
  assertEquals(session.messages.length, 4);
  const before = [...session.messages];
  await assertRejects(() => session.ask("x".repeat(4000)), RangeError, "Cannot answer: the prompt takes");
  assertEquals(session.messages, before);
  session.clear();
  await assertRejects(() => session.regenerate(), TypeError, "Cannot answer again: nothing was asked yet");
});

Deno.test("ChatSession keeps what came of an answer that was stopped, and draws other seeds where none is set", async () => {
  await using loaded = await model();
  const session = new ChatSession(loaded, { options: { maxNewTokens: 500, temperature: 0 }, readImage });
  const controller = new AbortController();
  const stopped = await session.ask("Talk", {
    onText: () => controller.abort(new Error("enough")),
    signal: controller.signal,
  });
  assertEquals([stopped.finish, session.messages.at(-1)], [undefined, { role: "assistant", content: stopped.text }]);
  assert(stopped.text.length > 0 && stopped.text.length < 500);
  await assertRejects(() => session.ask("Again", { signal: controller.signal }), Error, "enough");
  assertEquals(session.messages.length, 2);
  session.options = { maxNewTokens: 1, temperature: 1 };
  const seeds = [(await session.regenerate()).seed, (await session.regenerate()).seed];
  assert(seeds[0] !== seeds[1]);
});

Deno.test("changeSetting() takes every spelling, checks values, and takes a setting back", async () => {
  await using loaded = await model();
  const session = new ChatSession(loaded, { options, readImage });
  for (const [key, value] of [["temp", "0.5"], ["top_k", "7"], ["--n", "9"], ["repeat-penalty", "1.2"], ["s", "3"]]) {
    changeSetting(session, key!, value!);
  }
  changeSetting(session, "open_thinking", "on");
  changeSetting(session, "system", "Be kind");
  const { temperature, topK, maxNewTokens, repetitionPenalty, seed, openThinking } = session.options;
  assertEquals([temperature, topK, maxNewTokens, repetitionPenalty, seed, openThinking, session.system], [
    ...[0.5, 7, 9, 1.2, 3, true],
    "Be kind",
  ]);
  changeSetting(session, "seed", "");
  assertEquals(session.options.seed, undefined);
  assertStringIncludes(listSettings(session), "\nseed                  another one each time\n");
  const message = (key: string, value: string) => assertThrows(() => changeSetting(session, key, value), Error).message;
  assertEquals(message("temprature", "1"), 'Cannot set "temprature": did you mean temperature?');
  assertEquals(message("n", "0"), "Cannot generate 0 tokens: it must be a whole number above 0");
  assertEquals(message("seed", "1.5"), "Cannot draw with seed 1.5: it must be a whole number of at most 31 bits");
  assertEquals(message("open-thinking", "maybe"), 'Cannot set "open-thinking": "maybe" is neither on nor off');
  assertEquals(session.options.maxNewTokens, 9);
});
