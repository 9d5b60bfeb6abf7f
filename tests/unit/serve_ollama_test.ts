import { assert, assertEquals, assertMatch } from "@std/assert";
import { redPixel, Seen, TestServer } from "./serving.ts";

const options = { num_predict: 6, temperature: 0.8, seed: 3, num_ctx: 2048 };

const linesOf = (text: string) => text.trim().split("\n").map((line) => new Seen(JSON.parse(line)));

Deno.test("Ollama's chat streams lines of JSON, the last one with figures, and gives the same at once", async () => {
  await using server = await TestServer.start();
  const messages = [{ role: "user", content: "What is this?", images: [redPixel] }];
  const body = { model: "random:latest", messages, options };
  const { headers, text } = await server.post("/api/chat", body);
  assertMatch(headers.get("content-type")!, /ndjson/);
  const lines = linesOf(text);
  const end = lines.pop()!;
  assertEquals([end.at("done"), end.at("done_reason"), end.at("eval_count")], [true, "length", 6]);
  assert(end.at("eval_duration") as number > 0 && end.at("total_duration") as number > 0);
  const whole = (await server.post("/api/chat", { ...body, stream: false })).json;
  assertEquals(lines.map((line) => line.at("message.content")).join(""), whole.at("message.content"));
  assertEquals(lines.every((line) => line.at("done") === false), true);
  // The same question in OpenAI's words.
  const content = [{ type: "image_url", image_url: redPixel }, { type: "text", text: "What is this?" }];
  const other = await server.chat({ messages: [{ role: "user", content }] });
  assertEquals(other.json.at("choices.0.message.content"), whole.at("message.content"));
});

Deno.test("Ollama's generate takes images, a system text, a raw prompt and a format", async () => {
  await using server = await TestServer.start();
  const ask = async (fields: object) => {
    return (await server.post("/api/generate", { model: "random", stream: false, options, ...fields })).json;
  };
  assertEquals((await ask({ prompt: "Hi", images: [redPixel] })).at("eval_count"), 6);
  const { text } = server.model.render([{ role: "system", content: "Be kind" }, { role: "user", content: "Hi" }]);
  const plain = await ask({ prompt: "Hi", system: "Be kind" });
  assertEquals((await ask({ prompt: text, raw: true })).at("response"), plain.at("response"));
  const schema = { enum: ["yes", "no"] };
  const held = await ask({ prompt: "Hi", format: schema, options: { ...options, num_predict: 20 } });
  assert(["yes", "no"].includes(JSON.parse(String(held.at("response")))));
});

Deno.test("Ollama's tags list the models; what is not to be had is refused by name", async () => {
  await using server = await TestServer.start();
  assertEquals((await server.send("/api/tags")).json.at("models.0.name"), "random");
  const messages = [{ role: "user", content: "Hi" }];
  const wrong: readonly (readonly [path: string, body: object, param: string])[] = [
    ["chat", { messages, options: { mirostat: 1 } }, "options.mirostat"],
    ["chat", { messages, options: { heat: 1 } }, "options.heat"],
    ["chat", { messages, format: "xml" }, "format"],
    ["chat", { messages: [{ role: "user", content: "Hi", images: [7] }] }, "messages[0].images"],
    ["chat", { messages: [{ role: "user", content: "Hi", images: ["!"] }] }, "messages[0].images[0]"],
    ["generate", { prompt: "Hi", suffix: "x" }, "suffix"],
    ["generate", { prompt: "Hi", raw: true, system: "x" }, "raw"],
  ];
  for (const [path, body, param] of wrong) {
    const { status, json } = await server.post(`/api/${path}`, body);
    assertEquals([status, json.at("error.param")], [400, param]);
  }
  assertEquals((await server.post("/api/chat", { model: "none", messages })).status, 404);
});
