/**
 * Messages of a chat as chat templates take them.
 *
 * @module
 */
import type { ImageSource, Message } from "../core/chat_events.ts";
import type { ChatMessage, ContentPart } from "../data/chat/mod.ts";

/** The images of messages, in order. */
export function imagesOf(messages: readonly Message[]): ImageSource[] {
  const parts = messages.flatMap(({ content }) => typeof content === "string" ? [] : content);
  return parts.flatMap((part) => part.type === "image" ? [part.image] : []);
}

/** A message as the chat template takes it. */
export function templateMessage({ role, content, thoughts, toolCalls }: Message): ChatMessage {
  return {
    role,
    content: typeof content === "string" ? content : content.map(withoutImage),
    ...thoughts !== undefined && { reasoning_content: thoughts },
    ...toolCalls && {
      tool_calls: toolCalls.map(({ id, name, arguments: given }) => {
        return { id, type: "function", function: { name, arguments: given } };
      }),
    },
  };
}

/** What a prompt must have of a message that concerns tools. */
export function textsOfTools({ role, content, toolCalls = [] }: Message): string[] {
  return [...role === "tool" && typeof content === "string" ? [content] : [], ...toolCalls.map(({ name }) => name)];
}

function withoutImage(part: { readonly type: string }): ContentPart {
  return part.type === "image" ? { type: "image" } : part as ContentPart;
}
