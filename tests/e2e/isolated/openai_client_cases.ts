import { assert, assertEquals, assertRejects, assertStringIncludes } from "@std/assert";
import { redPixel, TestServer } from "../../unit/serving.ts";

// Joined, so that these packages are none of the project's.
const { default: OpenAI } = await import(["npm:openai", "6.49.0"].join("@"));
const { embed, generateObject, generateText, jsonSchema, streamText } = await import(["npm:ai", "6.0.326"].join("@"));
const { createOpenAICompatible } = await import(["npm:@ai-sdk/openai-compatible", "2.0.92"].join("@"));

const image = `data:image/gif;base64,${redPixel}`;

/** A server on a port of its own. */
async function listen() {
  const served = await TestServer.start({ apiKeys: ["secret"] });
  let onRequest = () => {};
  const listener = Deno.serve({ port: 0, hostname: "127.0.0.1", onListen() {} }, (request) => {
    const response = served.server.fetch(request);
    onRequest();
    return response;
  });
  const baseURL = `http://127.0.0.1:${listener.addr.port}/v1`;
  return {
    served,
    baseURL,
    /** Resolves as soon as a request has come, before anything else happens. */
    nextRequest: () => new Promise<void>((resolve) => onRequest = resolve),
    client: new OpenAI({ baseURL, apiKey: "secret", maxRetries: 0 }),
    provider: createOpenAICompatible({ name: "minimind", baseURL, apiKey: "secret", includeUsage: true }),
    async [Symbol.asyncDispose]() {
      await listener.shutdown();
      await served[Symbol.asyncDispose]();
    },
  };
}

const question = [{
  role: "user",
  content: [{ type: "text", text: "What is this?" }, { type: "image_url", image_url: { url: image } }],
}];

/** Waits until nothing is answered any more. */
async function idle(served: TestServer): Promise<void> {
  for (let i = 0; i < 1000; i++) {
    const { text } = await served.send("/metrics", authorized);
    if (text.includes("\nminimind_requests_processing 0\n")) return;
    await new Promise((resolve) => setTimeout(resolve, 5));
  }
  throw new Error("there are always answers");
}

const authorized = { headers: { authorization: "Bearer secret" } };

Deno.test("the openai client lists models, chats about an image and gets usage and log-probabilities", async () => {
  await using server = await listen();
  const models = [];
  for await (const model of server.client.models.list()) models.push(model.id);
  assertEquals(models, ["random"]);
  assertEquals((await server.client.models.retrieve("random")).object, "model");
  const answer = await server.client.chat.completions.create({
    model: "random",
    messages: question,
    max_completion_tokens: 5,
    seed: 1,
    logprobs: true,
    top_logprobs: 2,
  });
  const [choice] = answer.choices;
  assertEquals([choice.message.role, answer.usage.completion_tokens], ["assistant", 5]);
  assertEquals(choice.logprobs.content.length, 5);
  // A conversation goes on with the very object that came.
  const messages = [...question, choice.message, { role: "user", content: "And now?" }];
  const next = await server.client.chat.completions.create({ model: "random", messages, max_tokens: 5 });
  assert(next.usage.prompt_tokens_details.cached_tokens > 0);
});

Deno.test("the openai client streams, with usage, and through its own helper", async () => {
  await using server = await listen();
  const options = { model: "random", messages: question, max_tokens: 6, seed: 2, temperature: 0.9 };
  const stream = await server.client.chat.completions.create({
    ...options,
    stream: true,
    stream_options: { include_usage: true },
  });
  let text = "", usage;
  for await (const chunk of stream) {
    text += chunk.choices[0]?.delta.content ?? "";
    usage = chunk.usage ?? usage;
  }
  assertEquals(usage.completion_tokens, 6);
  const whole = await server.client.chat.completions.create(options);
  assertEquals(text, whole.choices[0].message.content);
  const helped = await server.client.chat.completions.stream(options).finalContent();
  assertEquals(helped, text);
  const completion = await server.client.completions.create({ model: "random", prompt: "ab", max_tokens: 3, seed: 1 });
  assertEquals(completion.usage.completion_tokens, 3);
});

Deno.test("the openai client and the AI SDK get answers of a JSON schema", async () => {
  await using server = await listen();
  const schema = { type: "object", properties: { colour: { enum: ["red", "green"] } }, required: ["colour"] };
  const answer = await server.client.chat.completions.create({
    model: "random",
    messages: question,
    max_tokens: 60,
    response_format: { type: "json_schema", json_schema: { name: "seen", strict: true, schema } },
  });
  assert(["red", "green"].includes(JSON.parse(answer.choices[0].message.content).colour));
  const provider = createOpenAICompatible({
    name: "minimind",
    baseURL: server.baseURL,
    apiKey: "secret",
    supportsStructuredOutputs: true,
  });
  const { object } = await generateObject({
    model: provider("random"),
    schema: jsonSchema(schema),
    prompt: "Which colour is it?",
    maxOutputTokens: 60,
  });
  assert(["red", "green"].includes(object.colour));
});

Deno.test("the openai client's Responses API sees an image, streams through its own helper, keeps to a schema and aborts", async () => {
  await using server = await listen();
  const content = [{ type: "input_image", image_url: image }, { type: "input_text", text: "What is this?" }];
  const options = {
    model: "random",
    input: [{ role: "user", content }],
    max_output_tokens: 6,
    temperature: 0.9,
    seed: 2,
  };
  const whole = await server.client.responses.create(options);
  assertEquals([whole.status, whole.usage.output_tokens], ["incomplete", 6]);
  assert(whole.output_text !== "");
  const stream = server.client.responses.stream(options);
  let text = "";
  for await (const event of stream) if (event.type === "response.output_text.delta") text += event.delta;
  const final = await stream.finalResponse();
  assertEquals([text, final.output_text, final.usage.output_tokens], [whole.output_text, whole.output_text, 6]);
  const schema = { type: "object", properties: { colour: { enum: ["red", "green"] } }, required: ["colour"] };
  const parsed = await server.client.responses.parse({
    ...options,
    max_output_tokens: 60,
    text: { format: { type: "json_schema", name: "seen", strict: true, schema } },
  });
  assert(["red", "green"].includes(JSON.parse(parsed.output_text).colour));
  const next = await server.client.responses.create({
    ...options,
    input: [...options.input, ...whole.output, { role: "user", content: "And now?" }],
    instructions: null,
  });
  assertEquals(next.output[0].type, "message");
  const refused = await assertRejects(
    () => server.client.responses.create({ ...options, previous_response_id: whole.id }),
    OpenAI.BadRequestError,
  ) as unknown as Record<string, unknown>;
  assertEquals(refused.param, "previous_response_id");
  const endless = await server.client.responses.create({
    ...options,
    max_output_tokens: 400,
    ignore_eos: true,
    stream: true,
  });
  for await (const _ of endless) break; // leaves
  await idle(server.served);
});

Deno.test("the openai client and the AI SDK get embeddings, of images too", async () => {
  await using server = await listen();
  const input = ["a cat", { type: "image_url", image_url: image }];
  const { data, usage } = await server.client.embeddings.create({ model: "random", input });
  assertEquals([data.length, data[1].embedding.length, usage.total_tokens], [2, 64, 21]);
  const { embedding } = await embed({ model: server.provider.textEmbeddingModel("random"), value: "a cat" });
  assertEquals(embedding.map(Math.fround), data[0].embedding.map(Math.fround));
});

Deno.test("the openai client aborts a stream and an answer, and the server stops answering", async () => {
  await using server = await listen();
  const options = { model: "random", messages: question, max_tokens: 400, temperature: 1, ignore_eos: true };
  const stream = await server.client.chat.completions.create({ ...options, stream: true });
  for await (const _ of stream) break; // leaves
  await idle(server.served);
  const controller = new AbortController();
  const arrived = server.nextRequest();
  const asked = server.client.chat.completions.create(options, { signal: controller.signal });
  await arrived; // a tiny model may be done before anything else could be waited for
  controller.abort();
  await assertRejects(() => asked);
  await idle(server.served);
});

Deno.test("the openai client throws its own errors by status, with the field", async () => {
  await using server = await listen();
  const ask = (fields: object) =>
    server.client.chat.completions.create({ model: "random", messages: question, ...fields });
  const bad = await assertRejects(() => ask({ temperature: 9 }), OpenAI.BadRequestError) as unknown as Record<
    string,
    unknown
  >;
  assertEquals([bad.param, bad.type], ["temperature", "invalid_request_error"]);
  await assertRejects(() => ask({ model: "other" }), OpenAI.NotFoundError);
  const stranger = new OpenAI({ baseURL: server.baseURL, apiKey: "wrong", maxRetries: 0 });
  await assertRejects(() => stranger.models.list(), OpenAI.AuthenticationError);
});

Deno.test("the AI SDK's provider generates and streams text about an image, with usage, and aborts", async () => {
  await using server = await listen();
  const model = server.provider("random");
  const messages = [{ role: "user", content: [{ type: "text", text: "What is this?" }, { type: "image", image }] }];
  const options = { model, messages, maxOutputTokens: 6, seed: 3, temperature: 0.9, maxRetries: 0 };
  const whole = await generateText(options);
  assertEquals([whole.finishReason, whole.usage.outputTokens], ["length", 6]);
  const stream = streamText(options);
  let text = "";
  for await (const piece of stream.textStream) text += piece;
  assertEquals(text, whole.text);
  assertEquals((await stream.usage).outputTokens, 6);
  const controller = new AbortController();
  const endless = streamText({ ...options, maxOutputTokens: 400, abortSignal: controller.signal, onError() {} });
  for await (const _ of endless.textStream) controller.abort();
  await idle(server.served);
  const error = await assertRejects(() => generateText({ ...options, temperature: 9 }), Error);
  assertStringIncludes(error.message, 'Cannot use "temperature"');
});
