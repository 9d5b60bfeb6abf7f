/**
 * Golden cases of chat templates: conversations as text and as ids.
 *
 * @module
 */
import type { ChatMessage, Json } from "../../data/chat/message.ts";
import type { ChatTemplateOptions } from "../../data/chat_template.ts";
import type { Check } from "./check.ts";
import type { Golden } from "./golden.ts";
import type { CaseKind } from "./kind.ts";
import { allSame, looksLikeToken, type Outcome, readTokenizer, type TextTools } from "./tokenizer_case.ts";

/** One conversation of a document. */
interface ChatCase {
  readonly name: string;
  readonly messages: readonly (ChatMessage & { readonly content: string })[];
  readonly tools: readonly Json[] | null;
  readonly rendered: string;
  readonly rendered_generation_prompt: string;
  readonly rendered_open_thinking?: string;
  readonly ids_rendered?: readonly number[];
  readonly ids_rendered_generation_prompt?: readonly number[];
}

const variants = {
  rendered: {},
  rendered_generation_prompt: { addGenerationPrompt: true },
  rendered_open_thinking: { addGenerationPrompt: true, openThinking: true },
} as const;

/** Rendered conversations. */
export const chatTemplatesKind: CaseKind = {
  name: "chat template",
  recognises: (document) => Array.isArray(document["chats"]),
  run,
};

async function* run(golden: Golden): AsyncGenerator<Check> {
  const tools = await readTokenizer(golden);
  const chats = golden.document["chats"] as readonly ChatCase[];
  for (const [variant, options] of Object.entries(variants)) {
    const given = chats.filter((chat) => chat[variant as keyof typeof variants] !== undefined);
    if (given.length > 0) yield* checkVariant(given, { variant: variant as keyof typeof variants, options, tools });
  }
}

function* checkVariant(
  chats: readonly ChatCase[],
  { variant, options, tools: { template, tokenizer, renderer } }: {
    readonly variant: keyof typeof variants;
    readonly options: ChatTemplateOptions;
    readonly tools: TextTools;
  },
): Generator<Check> {
  const render = renderer(1);
  const each = (stage: string, outcomes: (chat: ChatCase, options: ChatTemplateOptions) => Omit<Outcome, "name">[]) =>
    allSame(
      `${variant}.${stage}`,
      chats.flatMap((chat) => {
        const all = { ...options, tools: chat.tools ?? undefined };
        return outcomes(chat, all).map((outcome) => ({ name: chat.name, ...outcome }));
      }),
    );
  yield each("text", ({ messages, ...chat }, options) => [{
    actual: template.render(messages.map((message) => ({ ...message })), options),
    expected: chat[variant],
  }]);
  yield each("ids", ({ messages, ...chat }, options) => {
    const actual = render.render(messages, { ...options, parseSpecial: true });
    const texts = { actual: actual.text, expected: chat[variant] };
    const expected = variant === "rendered_open_thinking" ? undefined : chat[`ids_${variant}`];
    return expected === undefined ? [texts] : [texts, { actual: actual.ids, expected }];
  });
  // By default what is typed makes no tokens: the same text, and the same ids wherever nothing looks like one.
  yield each("plain", ({ messages, tools, ...chat }, options) => {
    const { text, ids } = render.render(messages, options);
    const expected = chat[variant]!;
    const texts = [{ actual: text, expected }, { actual: tokenizer.decode(ids), expected }];
    const typed = messages.some((message) => looksLikeToken(message, tokenizer)) ||
      looksLikeToken({ role: "tool", content: JSON.stringify([tools, messages.map((m) => m.tool_calls)]) }, tokenizer);
    return typed ? texts : [...texts, { actual: ids, expected: tokenizer.encode(expected) }];
  });
}
