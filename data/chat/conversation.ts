/**
 * Conversations as upstream's data sets write them, in which `<image>` in a text is an image.
 *
 * @module
 */
import { type ChatMessage, type ContentPart, type Json, type Role, roles } from "./message.ts";
import { isObject } from "../tokenizer/json_object.ts";

/** A conversation, ready for `ChatRenderer.render`; set its `imageSeparator` empty, for these texts have their own. */
export interface Conversation {
  /** The messages. */
  readonly messages: readonly ChatMessage[];
  /** Tools the assistant may call; only minimind-3v's data has any. */
  readonly tools?: readonly Json[] | undefined;
}

/** What stands for an image in a text of a data set. */
export const imageTag = "<image>";

/**
 * Reads the turns of a data set's row, `[{ "role", "content" }, …]`. Turns without a role alternate between user and
 * assistant. A `functions` list of a first system turn holds the tools.
 *
 * @throws {TypeError} naming the turn
 */
export function parseConversation(turns: unknown): Conversation {
  if (!Array.isArray(turns) || turns.length === 0) throw new TypeError("Cannot read a conversation: it has no turns");
  const messages = turns.map((turn: unknown, i): ChatMessage => {
    const { role = i % 2 === 0 ? "user" : "assistant", content, reasoning_content: thoughts, tool_calls: calls } =
      isObject(turn) ? turn : {};
    const fail = (problem: string) => new TypeError(`Cannot read turn ${i} of a conversation: ${problem}`);
    if (typeof content !== "string") throw fail(`its content is ${JSON.stringify(content)}, not a text`);
    if (!isRole(role)) throw fail(`its role is ${JSON.stringify(role)}, there are ${roles.join(", ")}`);
    return {
      role,
      content: role === "system" ? content : splitImages(content),
      ...(typeof thoughts === "string" ? { reasoning_content: thoughts } : {}),
      ...(Array.isArray(calls) ? { tool_calls: calls as Json[] } : {}),
    };
  });
  const first: unknown = turns[0];
  const tools = isObject(first) && messages[0]!.role === "system" ? first["functions"] : undefined;
  return Array.isArray(tools) && tools.length > 0 ? { messages, tools: tools as Json[] } : { messages };
}

/** Splits a text of a data set at its image tags. */
export function splitImages(text: string): string | ContentPart[] {
  const texts = text.split(imageTag);
  if (texts.length === 1) return text;
  return texts.flatMap((text, i): ContentPart[] => {
    const part: ContentPart[] = text === "" ? [] : [{ type: "text", text }];
    return i === 0 ? part : [{ type: "image" }, ...part];
  });
}

function isRole(value: unknown): value is Role {
  return roles.some((role) => role === value);
}
