/**
 * How minimind-3v's data set varies its rows: now and then a system prompt, and mostly no empty thoughts.
 *
 * @module
 */
import type { Conversation } from "./conversation.ts";
import type { RenderOptions } from "./render.ts";

/** The system prompts that upstream adds. */
export const systemPrompts: readonly string[] = [
  "你是一个知识丰富的AI，尽力为用户提供准确的信息。",
  "你是minimind，一个小巧但有用的语言模型。",
  "你是一个专业的AI助手，请提供有价值的回答。",
  "你是minimind，请尽力帮助用户解决问题。",
  "你是一个可靠的AI，请给出准确的回答。",
  "You are a helpful AI assistant.",
  "You are minimind, a lightweight intelligent assistant.",
  "You are a friendly chatbot. Please answer the user's questions carefully.",
  "You are a knowledgeable AI. Try your best to provide accurate information.",
  "You are minimind, a small but useful language model.",
];

/** Odds of {@link varyConversation}. */
export interface VariationOptions {
  /** Gives a number from 0 to below 1. Three are drawn for every row: whether to add a prompt, which, and thoughts. */
  readonly random: () => number;
  /** How often a system prompt is added to a row that has none. Default 0.2. */
  readonly systemRatio?: number | undefined;
  /** How often empty thoughts stay. Default 0.2. */
  readonly emptyThoughtsRatio?: number | undefined;
}

/** A row with or without a system prompt, and how to render it. */
export interface VariedConversation extends Conversation {
  /** Whether empty thoughts go. */
  readonly options: Pick<RenderOptions, "dropEmptyThoughts">;
}

/** Varies a row as upstream does. Rows with tools or a system prompt of their own keep their messages. */
export function varyConversation(conversation: Conversation, options: VariationOptions): VariedConversation {
  const { random, systemRatio = 0.2, emptyThoughtsRatio = 0.2 } = options;
  const [adds, which, thoughts] = [random() < systemRatio, random(), random()];
  const dropEmptyThoughts = thoughts > emptyThoughtsRatio;
  const { messages, tools } = conversation;
  if (!adds || tools !== undefined || messages[0]?.role === "system") {
    return { ...conversation, options: { dropEmptyThoughts } };
  }
  const content = systemPrompts[Math.floor(which * systemPrompts.length)]!;
  return { messages: [{ role: "system", content }, ...messages], options: { dropEmptyThoughts } };
}
