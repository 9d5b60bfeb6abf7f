import { assertEquals } from "@std/assert";
import { type AnswerPart, ToolCallReader } from "../../sdk/tool_calls.ts";

/** What a reader makes of a text that comes in pieces of some length; ids left out. */
function readIn(text: string, length: number): string[] {
  const reader = new ToolCallReader();
  const parts: AnswerPart[] = [];
  for (let start = 0; start < text.length; start += length) {
    parts.push(...reader.push(text.slice(start, start + length)));
  }
  parts.push(...reader.flush());
  const told: string[] = [];
  let said = "";
  const say = () => {
    if (said !== "") told.push(said);
    said = "";
  };
  for (const part of parts) {
    if ("text" in part) said += part.text;
    else {
      say();
      told.push(`${part.toolCall.name}(${part.toolCall.arguments})`);
    }
  }
  say();
  return told;
}

Deno.test("ToolCallReader tells text and calls apart, in pieces of any length", () => {
  const call = (name: string, given: string) => `<tool_call>\n{"name": "${name}", "arguments": ${given}}\n</tool_call>`;
  const cases: readonly (readonly [string, readonly string[]])[] = [
    ["no call, 1 < 2 \n", ["no call, 1 < 2 \n"]],
    [`I look.\n${call("see", '{"a": 1}')}`, ["I look.", 'see({"a": 1})']],
    [`${call("see", "{}")}\n${call("go", '{ "to":[1,2] }')}\n`, ["see({})", 'go({ "to":[1,2] })']],
    [`${call("see", "{}")} and then`, ["see({})", "and then"]],
    [call("say", '{"text": "</tool_call> and <tool_call>"}'), ['say({"text": "</tool_call> and <tool_call>"})']],
    ['<tool_call>{"arguments":{"b":2},"name":"odd"}</tool_call>', ['odd({"b":2})']],
    ['<tool_call>{"name":"bare"}</tool_call>', ["bare({})"]],
    ['<tool_call>{"name":"text","arguments":"{\\"c\\":3}"}</tool_call>', ['text({"c":3})']],
    ["<tool_call>\nno JSON\n</tool_call>", ["<tool_call>\nno JSON\n</tool_call>"]],
    ["cut <tool_call>\n{", ["cut <tool_call>\n{"]],
    ["almost <tool_cal", ["almost <tool_cal"]],
  ];
  for (const [text, expected] of cases) {
    for (const length of [1, 2, 3, 7, 1000]) assertEquals(readIn(text, length), expected, `${text} by ${length}`);
  }
});
