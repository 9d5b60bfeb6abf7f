import { assertEquals, assertRejects } from "@std/assert";
import { ConfigError } from "../../core/errors.ts";
import { ChatTemplate, parseChatTemplate } from "../../data/chat_template.ts";

const message = { role: "user", content: "\n\n text \n" };

async function render(source: string): Promise<string> {
  return (await ChatTemplate.compile(source)).render([message]);
}

Deno.test("ChatTemplate strips the characters it is told, and Python's white space by default", async () => {
  assertEquals(await render(`[{{ messages[0].content.lstrip('\\n') }}]`), "[ text \n]");
  assertEquals(await render(`[{{ messages[0].content.rstrip('\\n') }}]`), "[\n\n text ]");
  assertEquals(await render(`[{{ messages[0].content.strip() }}]`), "[text]");
  assertEquals(await render(`[{{ 'xyaxy'.strip('yx') }}|{{ 'xx'.strip('x') }}|{{ ''.lstrip() }}]`), "[a||]");
  assertEquals(await render(`[{{ '\u0085\u001c\ufeffa'.lstrip() }}]`), "[\ufeffa]");
});

Deno.test("ChatTemplate gives the template tools, special tokens and its options", async () => {
  const source = "{{ eos_token }} {{ tools | tojson }} {{ add_generation_prompt }} {{ open_thinking }}";
  const template = await ChatTemplate.compile(source, { eos_token: "<end>" });
  const options = { tools: [{ name: "看", at: [1, null] }], addGenerationPrompt: true, openThinking: true };
  assertEquals(template.render([message], options), `<end> [{"name": "看", "at": [1, null]}] true true`);
  assertEquals(template.render([message]), "<end> null false false");
});

Deno.test("ChatTemplate reports a template that is no Jinja, fails, or would fill the memory", async () => {
  await assertRejects(() => ChatTemplate.compile("{% for %}"), ConfigError, "Cannot read the chat template: ");
  await assertRejects(() => ChatTemplate.compile("{{ ".repeat(50_000)), ConfigError, "Cannot read the chat template: ");
  await assertRejects(
    () => render("{{ raise_exception('no way') }}"),
    ConfigError,
    "Cannot render the chat template: no way",
  );
  await assertRejects(
    () => render("{% for i in range(1000000000) %}{{ i }}{% endfor %}"),
    ConfigError,
    "Cannot render the chat template: a range of 1000000000 elements, the limit is 100000",
  );
  for (
    const endless of [
      "{% for i in range(3000) %}{% for j in range(3000) %}{% endfor %}{% endfor %}",
      "{% macro f(n) %}{% if n %}{{ f(n - 1) }}{{ f(n - 1) }}{% endif %}{% endmacro %}{{ f(60) }}",
    ]
  ) {
    await assertRejects(() => render(endless), ConfigError, "Cannot render the chat template: more than 1000000 turns");
  }
  assertEquals(await render("{% for i in range(1, 6, 2) %}{{ i }}{% endfor %}{{ range(2) | length }}"), "1352");
});

Deno.test("parseChatTemplate() takes one template or the default of several, and reports what it lacks", async () => {
  const parse = async (config: unknown) => (await parseChatTemplate(JSON.stringify(config))).render([message]);
  assertEquals(await parse({ chat_template: "{{ bos_token }}", bos_token: { content: "<s>" } }), "<s>");
  const several = [{ name: "tool_use", template: "no" }, { name: "default", template: "yes" }];
  assertEquals(await parse({ chat_template: several }), "yes");
  for (const config of [{}, { chat_template: 5 }, { chat_template: [] }]) {
    await assertRejects(() => parse(config), ConfigError, `Cannot read "chat_template" of "tokenizer_config.json"`);
  }
});
