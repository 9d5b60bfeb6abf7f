import { assertEquals, assertThrows } from "@std/assert";
import { parseConversation, splitImages, systemPrompts, varyConversation } from "../../data/chat/mod.ts";

Deno.test("parseConversation() lets turns without a role alternate and takes <image> for an image", () => {
  assertEquals(parseConversation([{ content: "<image>\nwhat?" }, { content: "a dog" }]), {
    messages: [
      { role: "user", content: [{ type: "image" }, { type: "text", text: "\nwhat?" }] },
      { role: "assistant", content: "a dog" },
    ],
  });
});

Deno.test("parseConversation() leaves system texts alone, and takes tools and thoughts as data sets write them", () => {
  const call = { function: { name: "f", arguments: "{}" } };
  const functions = [{ name: "f" }];
  const turns = [
    { role: "system", content: "<image>", functions },
    { role: "assistant", content: "", reasoning_content: "hm", tool_calls: [call], source: "somewhere" },
    { role: "tool", content: "1" },
  ];
  assertEquals(parseConversation(turns), {
    messages: [
      { role: "system", content: "<image>" },
      { role: "assistant", content: "", reasoning_content: "hm", tool_calls: [call] },
      { role: "tool", content: "1" },
    ],
    tools: functions,
  });
});

Deno.test("parseConversation() names the turn that it cannot read", () => {
  assertThrows(() => parseConversation([]), TypeError, "Cannot read a conversation: it has no turns");
  assertThrows(() => parseConversation("hi"), TypeError, "Cannot read a conversation: it has no turns");
  const second = (turn: unknown) => () => parseConversation([{ content: "" }, turn]);
  assertThrows(second(null), TypeError, "Cannot read turn 1 of a conversation: its content is undefined, not a text");
  assertThrows(second({ content: 1 }), TypeError, "Cannot read turn 1 of a conversation: its content is 1, not a text");
  assertThrows(second({ role: "gpt", content: "" }), TypeError, `its role is "gpt", there are system, user`);
});

Deno.test("splitImages() keeps every character around images", () => {
  const show = (text: string) => {
    const parts = splitImages(text);
    return typeof parts === "string" ? parts : parts.map((part) => part.type === "text" ? part.text : part.type);
  };
  assertEquals(show("no image"), "no image");
  assertEquals(show("<image>"), ["image"]);
  assertEquals(show("a <image><image>\n"), ["a ", "image", "image", "\n"]);
});

Deno.test("varyConversation() adds a prompt and drops empty thoughts as its three draws say", () => {
  const conversation = parseConversation([{ content: "q" }, { content: "a" }]);
  const vary = (draws: number[], given = conversation) => varyConversation(given, { random: () => draws.shift()! });
  assertEquals(vary([0.2, 0.99, 0.2]), { ...conversation, options: { dropEmptyThoughts: false } });
  assertEquals(vary([0.19, 0.99, 0.21]), {
    messages: [{ role: "system", content: systemPrompts.at(-1)! }, ...conversation.messages],
    options: { dropEmptyThoughts: true },
  });
  const own = parseConversation([{ role: "system", content: "s", functions: [{ name: "f" }] }, { content: "a" }]);
  assertEquals(vary([0, 0, 1], own), { ...own, options: { dropEmptyThoughts: true } });
  const never = { random: () => 0, systemRatio: 0, emptyThoughtsRatio: 0 };
  assertEquals(varyConversation(conversation, never).messages, conversation.messages);
});
