import { assert, assertEquals, assertMatch, assertStringIncludes } from "@std/assert";
import { ChatTemplate } from "../../data/chat_template.ts";
import { ChatModel } from "../../sdk/chat_model.ts";
import { createServer } from "../../serve/mod.ts";
import { loadTiny, redPixel, Seen, TestServer } from "./serving.ts";

const uri = `data:image/gif;base64,${redPixel}`;

function respond(server: TestServer, fields: Record<string, unknown> = {}) {
  return server.post("/v1/responses", { input: "Hi", max_output_tokens: 6, temperature: 0.8, seed: 3, ...fields });
}

/** The events of a stream, each with the type that its `event:` line says. */
function eventsOf(text: string): Seen[] {
  return text.split("\n\n").filter((event) => event !== "").map((event) => {
    const [, type, data] = /^event: (\S+)\ndata: (.*)$/.exec(event)!;
    const seen = new Seen(JSON.parse(data!));
    assertEquals(seen.at("type"), type);
    return seen;
  });
}

/** A server whose model has another template. */
async function serverWith(template: string) {
  const model = await loadTiny();
  const server = createServer();
  await server.put(new ChatModel({ ...model.parts, template: await ChatTemplate.compile(template) }));
  const ask = async (fields: object) => {
    const body = { input: "Hi", max_output_tokens: 90, seed: 1, ...fields };
    const init = { method: "POST", body: JSON.stringify(body) };
    return await (await server.fetch(new Request("http://localhost/v1/responses", init))).text();
  };
  return {
    ask,
    async [Symbol.asyncDispose]() {
      await server[Symbol.asyncDispose]();
      await model[Symbol.asyncDispose]();
    },
  };
}

Deno.test("responses say what chat completions say, in the form of the Responses API, of an image too", async () => {
  await using server = await TestServer.start();
  const content = [{ type: "input_image", image_url: uri, detail: "low" }, {
    type: "input_text",
    text: "What is this?",
  }];
  const { status, json } = await respond(server, { input: [{ role: "user", content }], instructions: "Be brief" });
  assertEquals(status, 200, JSON.stringify(json.value));
  const chat = await server.chat({
    messages: [{ role: "system", content: "Be brief" }, {
      role: "user",
      content: [{ type: "image_url", image_url: uri }, { type: "text", text: "What is this?" }],
    }],
  });
  assertEquals(json.at("output.0.content.0.text"), chat.json.at("choices.0.message.content"));
  assertMatch(String(json.at("id")), /^resp_[\da-f]{32}$/);
  assertEquals(["object", "status", "model", "store", "instructions", "max_output_tokens"].map((key) => json.at(key)), [
    ...["response", "incomplete", "random", false],
    ...["Be brief", 6],
  ]);
  assertEquals([json.at("incomplete_details.reason"), json.at("output.0.status")], ["max_output_tokens", "incomplete"]);
  assertEquals([json.at("output.0.type"), json.at("output.0.role")], ["message", "assistant"]);
  assertEquals(json.at("usage.input_tokens"), chat.json.at("usage.prompt_tokens"));
  assertEquals(
    ["output_tokens", "output_tokens_details.reasoning_tokens"].map((key) => json.at(`usage.${key}`)),
    [6, 0],
  );
});

Deno.test("a stream of a response counts its events, and they add up to the response at its end", async () => {
  await using server = await TestServer.start();
  const fields = { include: ["message.output_text.logprobs"], top_logprobs: 2 };
  const whole = (await respond(server, fields)).json;
  const { headers, text } = await respond(server, { ...fields, stream: true });
  assertStringIncludes(headers.get("content-type")!, "text/event-stream");
  const events = eventsOf(text);
  assertEquals(events.map((event) => event.at("sequence_number")), [...events.keys()]);
  const types = events.map((event) => event.at("type")).filter((type, i, all) => type !== all[i - 1]);
  assertEquals(
    types,
    [
      ...["created", "in_progress", "output_item.added", "content_part.added"],
      ...["output_text.delta", "output_text.done", "content_part.done", "output_item.done", "incomplete"],
    ].map((type) => `response.${type}`),
  );
  const end = events.at(-1)!.at("response.output");
  const deltas = events.filter((event) => event.at("type") === "response.output_text.delta");
  assertEquals(deltas.map((event) => event.at("delta")).join(""), new Seen(end).at("0.content.0.text"));
  assertEquals(deltas.flatMap((event) => event.at("logprobs")), new Seen(end).at("0.content.0.logprobs"));
  assertEquals(new Set(deltas.map((event) => event.at("item_id"))), new Set([new Seen(end).at("0.id")]));
  for (const path of ["0.content.0.text", "0.content.0.logprobs", "0.status"]) {
    assertEquals(new Seen(end).at(path), whole.at(`output.${path}`));
  }
  assertEquals(whole.at("output.0.content.0.logprobs.0.top_logprobs.length"), 2);
});

Deno.test("output goes back in as input, with the prompt of the same chat", async () => {
  await using server = await TestServer.start();
  const first = (await respond(server)).json;
  const output = first.at("output") as object[];
  const input = [{ role: "user", content: "Hi" }, ...output, { role: "developer", content: "And" }];
  const next = await respond(server, { input });
  assertEquals(next.status, 200, next.text);
  const said = first.at("output.0.content.0.text");
  const messages = [{ role: "user", content: "Hi" }, { role: "assistant", content: said }, {
    role: "system",
    content: "And",
  }];
  const chat = await server.chat({ messages });
  assertEquals(next.json.at("output.0.content.0.text"), chat.json.at("choices.0.message.content"));
});

Deno.test("text.format holds a response to JSON and to a schema", async () => {
  await using server = await TestServer.start();
  const schema = { type: "object", properties: { colour: { enum: ["red", "green"] } }, required: ["colour"] };
  const format = { type: "json_schema", name: "seen", strict: true, schema };
  const { json } = await respond(server, { text: { format }, max_output_tokens: 60 });
  assert(["red", "green"].includes(JSON.parse(String(json.at("output.0.content.0.text"))).colour));
  assertEquals(json.at("text.format"), format);
  const object = await respond(server, { text: { format: { type: "json_object" } }, max_output_tokens: 20 });
  assertEquals(typeof JSON.parse(String(object.json.at("output.0.content.0.text"))), "object");
});

Deno.test("fields of a response that are wrong, unknown or not to be had are refused by name", async () => {
  await using server = await TestServer.start();
  const message = (content: unknown) => ({ input: [{ role: "user", content }] });
  const wrong: readonly (readonly [fields: Record<string, unknown>, param: string])[] = [
    [{ input: undefined }, "input"],
    [{ input: [] }, "input"],
    [{ input: 5 }, "input"],
    [{ input: [{ role: "tool", content: "" }] }, "input[0].role"],
    [{ input: [{ type: "item_reference", id: "a" }] }, "input[0].type"],
    [{ input: [{ type: "function_call", call_id: "a" }] }, "input[0].name"],
    [{ input: [{ type: "reasoning", summary: [{ type: "summary_text", text: "a" }] }] }, "input[0].summary"],
    [{ input: [{ role: "user", content: "a", name: "Bo" }] }, "input[0].name"],
    [message([{ type: "text", text: "a" }]), "input[0].content[0].type"],
    [message([{ type: "input_file", file_id: "a" }]), "input[0].content[0].type"],
    [message([{ type: "input_image", file_id: "a" }]), "input[0].content[0].file_id"],
    [message([{ type: "input_image", image_url: "aGVsbG8=" }]), "input[0].content[0].image_url"],
    [{ previous_response_id: "resp_1" }, "previous_response_id"],
    [{ conversation: "conv_1" }, "conversation"],
    [{ prompt: { id: "a" } }, "prompt"],
    [{ background: true }, "background"],
    [{ store: true }, "store"],
    [{ metadata: { a: "b" } }, "metadata"],
    [{ truncation: "auto" }, "truncation"],
    [{ include: ["file_search_call.results"] }, "include"],
    [{ top_logprobs: 2 }, "top_logprobs"],
    [{ max_tokens: 5 }, "max_tokens"],
    [{ max_output_tokens: 0 }, "max_output_tokens"],
    [{ n: 2 }, "n"],
    [{ reasoning: { summary: "auto" } }, "reasoning.summary"],
    [{ reasoning: { effort: "much" } }, "reasoning.effort"],
    [{ text: { verbosity: "low" } }, "text.verbosity"],
    [{ text: { format: { type: "json_schema", name: "x" } } }, "text.format.schema"],
    [{ text: { format: { type: "json_schema", name: "x", schema: { contains: {} } } } }, "text.format"],
    [{ tools: [{ type: "web_search" }] }, "tools[0].type"],
    [{ tools: [{ type: "function", function: { name: "x" } }] }, "tools[0].name"],
    [{ tool_choice: { type: "function", name: "y" } }, "tool_choice"],
    [{ stream_options: { include_obfuscation: false } }, "stream_options"],
    [{ messages: [] }, "messages"],
  ];
  for (const [fields, param] of wrong) {
    const { status, json } = await respond(server, fields);
    assertEquals([status, json.at("error.param")], [400, param], JSON.stringify(json.value));
  }
  const long = await respond(server, { input: "x".repeat(600), stream: true });
  assertEquals([long.status, long.json.at("error.code")], [400, "context_length_exceeded"]);
});

Deno.test("a response calls tools, streaming or not, and goes on with what they say", async () => {
  await using server = await serverWith(
    "{% if tools %}{{ tools | tojson }}{% endif %}{% for message in messages %}<|im_start|>{{ message.role }}\n" +
      "{{ message.content }}{% for call in message.tool_calls or [] %}{{ call | tojson }}{% endfor %}<|im_end|>\n" +
      "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}",
  );
  const parameters = { type: "object", properties: { city: { enum: ["Paris", "Rome"] } }, required: ["city"] };
  const tools = [{ type: "function", name: "weather", description: "Tells it", parameters, strict: null }];
  const choice = { tools, tool_choice: { type: "function", name: "weather" } };
  const answer = new Seen(JSON.parse(await server.ask(choice)));
  assertEquals([answer.at("status"), answer.at("output.length"), answer.at("output.0.type")], [
    ...["completed", 1, "function_call"],
  ]);
  const call = answer.at("output.0") as Record<string, string>;
  assertEquals([call["name"], ["Paris", "Rome"].includes(JSON.parse(call["arguments"]!).city)], ["weather", true]);
  const events = eventsOf(await server.ask({ ...choice, stream: true }));
  const done = events.find((event) => event.at("type") === "response.function_call_arguments.done")!;
  assertEquals([done.at("name"), done.at("arguments")], [call["name"], call["arguments"]]);
  assertEquals(events.at(-1)!.at("response.output.0.arguments"), call["arguments"]);
  const said = { type: "function_call_output", call_id: call["call_id"], output: "Sunny" };
  const input = [{ role: "user", content: "Hi" }, call, said];
  const next = new Seen(JSON.parse(await server.ask({ input, tools, max_output_tokens: 4, ignore_eos: true })));
  assertEquals(next.at("usage.output_tokens"), 4, JSON.stringify(next.value));
});

Deno.test("thoughts of a response are an item of reasoning, counted, and may be sent back", async () => {
  await using server = await serverWith(
    "{% for message in messages %}{{ message.reasoning_content or '' }}{{ message.content }}\n{% endfor %}" +
      "<|im_start|>assistant\n{% if open_thinking %}<think>\n{% endif %}",
  );
  const fields = { reasoning: { effort: "low" }, max_output_tokens: 8 };
  const answer = new Seen(JSON.parse(await server.ask(fields)));
  const thought = answer.at("output.0.content.0.text") as string;
  assertEquals([answer.at("output.0.type"), answer.at("output.0.status")], ["reasoning", "incomplete"]);
  assert(thought.length > 0);
  assert(answer.at("usage.output_tokens_details.reasoning_tokens") as number > 0);
  const events = eventsOf(await server.ask({ ...fields, stream: true }));
  const deltas = events.filter((event) => event.at("type") === "response.reasoning_text.delta");
  assertEquals(deltas.map((event) => event.at("delta")).join(""), thought);
  const plain = new Seen(JSON.parse(await server.ask({ max_output_tokens: 8 })));
  const input = [{ role: "user", content: "Hi" }, ...answer.at("output") as object[], {
    role: "user",
    content: "And?",
  }];
  const next = new Seen(JSON.parse(await server.ask({ input, max_output_tokens: 8 })));
  const bytes = new TextEncoder().encode(`${thought}\nAnd?\n`).length;
  assertEquals(next.at("usage.input_tokens"), plain.at("usage.input_tokens") as number + bytes);
});

Deno.test("a response that fails after its stream has begun ends with the error and what there was of it", async () => {
  await using model = await loadTiny();
  const server = createServer({ timeoutMs: 1500 });
  await server.put(model);
  const body = { input: "Hi", max_output_tokens: 400, ignore_eos: true, temperature: 1, stream: true, seed: 1 };
  const response = await server.fetch(
    new Request("http://localhost/v1/responses", { method: "POST", body: JSON.stringify(body) }),
  );
  let text = "";
  for await (const piece of response.body!.pipeThrough(new TextDecoderStream())) {
    text += piece;
    await new Promise((resolve) => setTimeout(resolve, 10)); // a reader that takes its time
  }
  const events = eventsOf(text);
  const [error, failed] = events.slice(-2);
  assertEquals([error!.at("type"), error!.at("code")], ["error", "timeout"]);
  assertEquals([failed!.at("type"), failed!.at("response.status")], ["response.failed", "failed"]);
  assertEquals(failed!.at("response.error.code"), "timeout");
  await server[Symbol.asyncDispose]();
});
