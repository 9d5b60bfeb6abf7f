import { assert, assertEquals, assertMatch, assertRejects, assertStringIncludes } from "@std/assert";
import type { ChatEvent, ChatOptions, Json, Message } from "../../core/chat_events.ts";
import { ConfigError, SchemaError } from "../../core/errors.ts";
import type { ModelConfig } from "../../core/config.ts";
import { parseTokenizer } from "../../data/tokenizer.ts";
import type { ChatModel } from "../../sdk/chat_model.ts";
import { loadModel } from "../../sdk/load_model.ts";
import { randomModelConfig } from "../../sdk/random_model.ts";
import { fixtureFiles, type Generation } from "./fixture_tokenizer.ts";
import { findInvalid, randomSchema } from "./schema_validator.ts";

const question: Message[] = [{ role: "user", content: "What is the weather like in Oslo?" }];
const backend = { use: "wasm", options: { threads: 1 } };

type Finish = Extract<ChatEvent, { type: "finish" }>;

async function ask(
  model: ChatModel,
  options: ChatOptions,
  messages: readonly Message[] = question,
): Promise<{ events: ChatEvent[]; finish: Finish }> {
  const events = await Array.fromAsync(model.chat(messages, { temperature: 1, topK: 0, seed: 1, ...options }));
  return { events, finish: events.at(-1) as Finish };
}

/** A model with weights at random that has the tokenizer and template of a fixture. */
async function fixtureModel(generation: Generation): Promise<ChatModel> {
  const { tokenizer, config } = fixtureFiles(generation);
  const spelt = await parseTokenizer({ tokenizer, config });
  const { decoder } = randomModelConfig;
  const options = { ...(decoder as { options: object }).options, vocab_size: spelt.vocabulary };
  const marker = generation === "v2" ? "@" : "<|image_pad|>";
  await using file = await tokenizerFolder(tokenizer, config);
  const made: ModelConfig = {
    ...{ model: "random", backend, tokenizer: file.path, placeholder: { token: marker } },
    decoder: { use: "minimind", options },
  };
  return await loadModel(made, { conversations: 4 });
}

async function tokenizerFolder(tokenizer: string, config: string): Promise<AsyncDisposable & { path: string }> {
  const path = await Deno.makeTempDir();
  await Deno.writeTextFile(`${path}/tokenizer.json`, tokenizer);
  await Deno.writeTextFile(`${path}/tokenizer_config.json`, config);
  return { path, [Symbol.asyncDispose]: () => Deno.remove(path, { recursive: true }) };
}

const tools: Json[] = [
  {
    type: "function",
    function: {
      name: "get_weather",
      description: "The weather of a place",
      parameters: {
        type: "object",
        properties: { place: { type: "string", maxLength: 12 }, unit: { enum: ["C", "F"] } },
        required: ["place", "unit"],
        additionalProperties: false,
      },
    },
  },
  { type: "function", function: { name: "now" } },
];

Deno.test("chat() gives valid JSON of random schemas with random weights, greedy and sampled, several at once", async () => {
  for (const model of [await loadModel({ model: "random", backend }, { conversations: 4 }), await fixtureModel("v3")]) {
    await using _ = model;
    const seeds = Array.from({ length: 28 }, (_, seed) => seed);
    await Promise.all(seeds.map(async (seed) => {
      const schema = randomSchema(1000 + seed);
      const { finish, events } = await ask(model, {
        responseFormat: { type: "json_schema", schema },
        temperature: seed % 3 === 0 ? 0 : 1 + seed / 10,
        topK: seed % 2 === 0 ? 0 : 40,
        noRepeatNgramSize: seed % 5 === 0 ? 3 : 0,
        maxNewTokens: 120 + seed,
        seed,
      });
      assertEquals(findInvalid(JSON.parse(finish.text), schema), undefined, finish.text);
      assertEquals(events.map((event) => event.type === "text-delta" ? event.text : "").join(""), finish.text);
      assert(finish.usage.completionTokens <= 120 + seed);
    }));
  }
});

Deno.test("chat() gives JSON objects, tells where they were cut short, and n of them from one grammar", async () => {
  await using model = await fixtureModel("v3");
  const responseFormat = { type: "json_object" } as const;
  const { events } = await ask(model, { responseFormat, n: 3, maxNewTokens: 40, logprobs: true });
  const ends = events.filter((event) => event.type === "finish");
  assertEquals(ends.length, 3);
  for (const { text, reason, usage, logprobs } of ends) {
    assert(typeof JSON.parse(text) === "object" && text.startsWith("{"));
    assert(usage.completionTokens <= 40 && ["stop", "length"].includes(reason));
    assertEquals(new TextDecoder().decode(Uint8Array.from(logprobs!.flatMap(({ bytes }) => bytes))), text);
  }
  const greedy = { responseFormat, temperature: 0, maxNewTokens: 300 };
  const { finish: whole } = await ask(model, greedy);
  const reasons = new Set<string>();
  for (let maxNewTokens = 4; maxNewTokens < 60; maxNewTokens += 5) {
    const { finish: cut } = await ask(model, { ...greedy, maxNewTokens });
    assertEquals(cut.reason, cut.text === whole.text ? whole.reason : "length", `${cut.text} of ${whole.text}`);
    reasons.add(cut.reason);
  }
  assert(reasons.has("length"));
  const goesOn = model.complete("Facts: ", {
    responseFormat,
    maxNewTokens: 30,
    tools: [{ a: 1 }],
    toolChoice: "required",
  });
  const last = (await Array.fromAsync(goesOn)).at(-1) as Finish;
  assert(typeof JSON.parse(last.text) === "object" && last.reason !== "tool_calls");
  const schema = { enum: ["yes", "no"] };
  const { finish } = await ask(model, { responseFormat: { type: "json_schema", schema } });
  assertEquals([schema.enum.includes(JSON.parse(finish.text)), finish.reason], [true, "stop"]);
});

Deno.test("chat() calls the tool that toolChoice asks for, with arguments of its schema", async () => {
  await using model = await fixtureModel("v3");
  const parameters = (tools[0] as { function: { parameters: Json } }).function.parameters;
  for (const toolChoice of ["required", { type: "tool", toolName: "get_weather" }] as const) {
    for (let seed = 0; seed < 4; seed++) {
      const { events, finish } = await ask(model, { tools, toolChoice, maxNewTokens: 90, seed });
      assertEquals(events.map(({ type }) => type), ["tool-call", "finish"]);
      assertEquals([finish.reason, finish.text], ["tool_calls", ""]);
      const [call] = finish.toolCalls!;
      assertMatch(call!.id, /^call_[0-9a-f]{24}$/);
      const value = JSON.parse(call!.arguments) as Json;
      if (call!.name === "get_weather") assertEquals(findInvalid(value, parameters), undefined);
      else assertEquals([call!.name, toolChoice], ["now", "required"]);
    }
  }
});

Deno.test("chat() holds calls that the model begins to the parameters of strict tools", async () => {
  await using model = await fixtureModel("v3");
  const begin = model.parts.tokenizer.encode("<tool_call>");
  assertEquals(begin.length, 1);
  const named = (tool: Json, strict: boolean): Json => {
    const { function: own } = tool as { function: Readonly<Record<string, Json>> };
    return { type: "function", function: { ...own, strict } };
  };
  const [weather, now] = [named(tools[0]!, true), named(tools[1]!, false)];
  const { parameters } = (weather as { function: { parameters: Json } }).function;
  let calls = 0, others = 0;
  for (let seed = 0; seed < 6; seed++) {
    const options = { tools: [weather, now], logitBias: { [begin[0]!]: 6 }, maxNewTokens: 150, seed };
    const { events, finish } = await ask(model, options);
    for (const { name, arguments: given } of finish.toolCalls ?? []) {
      assert(["get_weather", "now"].includes(name));
      if (name === "get_weather") assertEquals(findInvalid(JSON.parse(given) as Json, parameters), undefined);
      calls++;
    }
    assertEquals(finish.reason === "tool_calls", finish.toolCalls !== undefined);
    others += events.filter(({ type }) => type === "text-delta").length;
  }
  assert(calls > 3 && others > 0, `${calls} calls and ${others} pieces of text`);
});

Deno.test("render() prints tools, calls and what tools say; templates that do not know them are refused", async () => {
  await using model = await fixtureModel("v3");
  const toolCalls = [{ id: "call_1", name: "get_weather", arguments: '{"place": "Oslo"}' }];
  const messages: Message[] = [
    ...question,
    { role: "assistant", content: "", toolCalls },
    { role: "tool", content: '{"sky": "clear <|im_end|>"}', toolCallId: "call_1" },
  ];
  const { text } = model.render(messages, { tools });
  assertStringIncludes(text, '<tool_call>\n{"name": "get_weather", "arguments": {"place": "Oslo"}}\n</tool_call>');
  assertStringIncludes(text, '<tool_response>\n{"sky": "clear <|im_end|>"}\n</tool_response>');
  assertStringIncludes(text, '"name": "now"');
  assert(!model.render(messages, { tools, toolChoice: "none" }).text.includes('"name": "now"'));
  assertEquals((await ask(model, { tools, maxNewTokens: 4 }, messages)).finish.usage.completionTokens, 4);

  await using older = await fixtureModel("v2");
  const refused: readonly (readonly [Message[], ChatOptions, string])[] = [
    [question, { tools }, "Cannot offer tools: the chat template of"],
    [messages, {}, "Cannot print message 1: the chat template of"],
    [[...question, messages[2]!], {}, "Cannot print message 1: the chat template of"],
  ];
  for (const [asked, options, message] of refused) {
    await assertRejects(() => ask(older, options, asked), ConfigError, message);
  }
});

Deno.test("chat() refuses forms that nothing fits in, or that contradict each other", async () => {
  await using model = await fixtureModel("v3");
  const json = { type: "json_object" } as const;
  const schema = { type: "array", items: { type: "integer" }, minItems: 50 };
  const refused:
    readonly (readonly [ChatOptions, typeof RangeError | typeof TypeError | typeof SchemaError, string])[] = [
      [{ responseFormat: json, stop: ["x"] }, RangeError, "Cannot answer with stop texts: they would cut the form"],
      [
        { responseFormat: json, beams: 2 },
        RangeError,
        "Cannot answer with 2 beams: a search holds its result to no form",
      ],
      [{ responseFormat: json, openThinking: true }, RangeError, "Cannot answer with openThinking"],
      [
        { responseFormat: { type: "json_schema", schema }, maxNewTokens: 60 },
        RangeError,
        "Cannot answer in 60 tokens: the shortest answer of its form takes up to ",
      ],
      [{ responseFormat: { type: "json_schema", schema: { format: "uri" } } }, SchemaError, '"#/format"'],
      [
        { responseFormat: { type: "json_schema", schema: { required: ["a"], properties: { a: { $ref: "#" } } } } },
        SchemaError,
        "all of its values go on without end",
      ],
      [{ toolChoice: "required" }, TypeError, "Cannot call a tool: there are none"],
      [
        { tools, toolChoice: { type: "tool", toolName: "x" } },
        TypeError,
        'Cannot call tool "x": there is get_weather,now',
      ],
      [
        { tools, toolChoice: "required", responseFormat: json },
        TypeError,
        'Cannot use both responseFormat "json_object"',
      ],
      [{ tools: [{ a: 1 }] }, TypeError, 'Cannot offer tool {"a":1}: it has no name'],
      [
        { tools: [{ name: "t", parameters: { contains: "x" } }], toolChoice: "required" },
        SchemaError,
        'Cannot call tool "t": Cannot hold answers to the JSON schema: at "#/contains"',
      ],
    ];
  for (const [options, kind, message] of refused) await assertRejects(() => ask(model, options), kind, message);
});
