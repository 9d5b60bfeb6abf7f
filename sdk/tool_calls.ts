/**
 * Tool calls in an answer, in the form that the family is trained on:
 * `<tool_call>\n{"name": …, "arguments": {…}}\n</tool_call>`.
 *
 * @module
 */
import type { ChatOptions, Json, ToolCall } from "../core/chat_events.ts";
import { isObject } from "../data/tokenizer/json_object.ts";

/** Begins a call. */
export const callBegin = "<tool_call>";

/** Ends a call. */
export const callEnd = "</tool_call>";

/** The tools that a prompt names: none where none shall be called. */
export function offeredTools(
  { tools, toolChoice }: Pick<ChatOptions, "tools" | "toolChoice">,
): readonly Json[] | undefined {
  return toolChoice === "none" || tools?.length === 0 ? undefined : tools;
}

/** A piece of an answer. */
export type AnswerPart = { readonly text: string } | { readonly toolCall: ToolCall };

/** Tells text and calls apart while they come. White space around calls is no part of the text. */
export class ToolCallReader {
  #held = "";
  /** White space before the call that has begun. */
  #space = "";
  #inside = false;
  #called = false;

  /** Takes text and gives what is certain: pieces of text, whole calls. */
  push(text: string): AnswerPart[] {
    this.#held += text;
    const parts: AnswerPart[] = [];
    for (let part = this.#next(); part !== undefined; part = this.#next()) parts.push(part);
    return parts;
  }

  /** Gives what was held back, at the end of the answer: a call that has no end is text. */
  flush(): AnswerPart[] {
    const rest = this.#called && this.#held.trim() === "" ? "" : (this.#inside ? this.#space : "") + this.#held;
    this.#held = "";
    return rest === "" ? [] : [{ text: rest }];
  }

  #next(): AnswerPart | undefined {
    return this.#inside ? this.#call() : this.#text();
  }

  #text(): AnswerPart | undefined {
    if (this.#called) this.#held = this.#held.trimStart();
    const begin = this.#held.indexOf(callBegin);
    const end = begin < 0 ? this.#held.length - heldLength(this.#held) : begin;
    const text = this.#held.slice(0, end);
    this.#held = this.#held.slice(end);
    this.#inside = begin >= 0;
    const said = this.#inside ? text.trimEnd() : text;
    this.#space = text.slice(said.length);
    if (said !== "") {
      this.#called = false;
      return { text: said };
    }
    return this.#inside ? this.#call() : undefined;
  }

  /** The call at the beginning, up to the first end that makes it one: an end may stand in a string. */
  #call(): AnswerPart | undefined {
    for (let end = this.#held.indexOf(callEnd); end >= 0; end = this.#held.indexOf(callEnd, end + 1)) {
      const toolCall = parseCall(this.#held.slice(callBegin.length, end));
      if (toolCall === undefined) continue;
      this.#held = this.#held.slice(end + callEnd.length);
      this.#inside = false;
      this.#called = true;
      return { toolCall };
    }
    return undefined;
  }
}

/** Length of the end of a text that a call, or the white space before one, may begin with. */
function heldLength(text: string): number {
  let length = Math.min(text.length, callBegin.length - 1);
  while (!callBegin.startsWith(text.slice(text.length - length))) length--;
  return text.length - text.slice(0, text.length - length).trimEnd().length;
}

/** A call of what stands between its tags; undefined if it is none. */
function parseCall(text: string): ToolCall | undefined {
  let call: unknown;
  try {
    call = JSON.parse(text);
  } catch (error) {
    if (error instanceof SyntaxError) return undefined;
    throw error;
  }
  if (!isObject(call) || typeof call["name"] !== "string") return undefined;
  const { name, arguments: given = {} } = call;
  const id = `call_${crypto.randomUUID().replaceAll("-", "").slice(0, 24)}`;
  // As the model wrote them, so that the next prompt has them as it does.
  const written = /^\s*\{"name": "[^"\\]*", "arguments": (\{[^]*\})\}\s*$/.exec(text)?.[1];
  return { id, name, arguments: written ?? (typeof given === "string" ? given : JSON.stringify(given)) };
}
