/**
 * The `input` of a request to the Responses API: messages, calls of tools and what tools said, thoughts.
 *
 * @module
 */
import type { ToolCall } from "../../core/chat_events.ts";
import { ApiError } from "../api_error.ts";
import { Body } from "./body.ts";
import type { ImageReference } from "./images.ts";
import { addImage, type MessageDraft, type MessagesDraft, messagesDraft, type PartDraft } from "./messages.ts";

/** Thoughts, an answer and calls that follow each other are one message of the assistant. */
type AssistantDraft = MessageDraft & { readonly role: "assistant" };

/**
 * Reads `instructions` and `input`; images are only noted.
 *
 * @throws {ApiError} naming the field that is wrong
 */
export function readInput(body: Body): MessagesDraft {
  const instructions = body.text("instructions");
  const input = body.raw("input");
  const items = typeof input === "string" ? [{ role: "user", content: input }] : body.list("input");
  if (items === undefined || items.length === 0) throw body.error("input", "it is missing");
  const images: ImageReference[] = [];
  const drafts: MessageDraft[] = instructions === undefined ? [] : [{ role: "system", content: instructions }];
  /** Adds to the assistant's message at the end, or begins one; nothing of it may come before what it has. */
  const assist = (part: Partial<AssistantDraft>, mayFollow: (last: AssistantDraft) => boolean) => {
    const last = drafts.at(-1);
    const goesOn = last?.role === "assistant" && mayFollow(last as AssistantDraft);
    if (goesOn) drafts.pop();
    drafts.push({ content: "", ...goesOn && last, ...part, role: "assistant" });
  };
  for (const [i, value] of items.entries()) {
    const item = new Body(value, `input[${i}]`);
    const type = item.text("type") ?? "message";
    for (const key of ["id", "status"]) item.text(key); // of an answer that was kept
    if (type === "message") {
      const role = item.choice("role", ["system", "developer", "user", "assistant"]);
      if (role === undefined) throw item.error("role", "it is missing");
      const content = readContent(item, { key: "content", images });
      item.text("phase");
      if (role === "assistant") assist({ content }, (last) => last.content === "" && last.toolCalls === undefined);
      else drafts.push({ role: role === "developer" ? "system" : role, content });
    } else if (type === "function_call") {
      const call = readCall(item);
      const last = drafts.at(-1);
      assist({ toolCalls: [...last?.role === "assistant" && last.toolCalls || [], call] }, () => true);
    } else if (type === "function_call_output") {
      const toolCallId = item.text("call_id");
      drafts.push({ role: "tool", content: readContent(item, { key: "output", images }), toolCallId });
    } else if (type === "reasoning") {
      assist({ thoughts: readThoughts(item) }, () => false);
    } else {
      throw new ApiError(
        `Cannot use "${item.place("type")}": message, function_call, function_call_output and reasoning are read`,
        { param: item.place("type") },
      );
    }
    item.end();
  }
  return messagesDraft(drafts, images);
}

function readCall(item: Body): ToolCall {
  const [id = "", name, given = "{}"] = [item.text("call_id"), item.text("name"), item.text("arguments")];
  if (name === undefined) throw item.error("name", "it is missing");
  return { id, name, arguments: given };
}

function readThoughts(item: Body): string {
  item.only("summary", "empty");
  item.only("encrypted_content");
  const parts = item.list("content") ?? [];
  return parts.map((value, i) => {
    const part = new Body(value, `${item.place("content")}[${i}]`);
    part.only("type", "reasoning_text");
    const text = textOf(part);
    part.end();
    return text;
  }).join("");
}

function readContent(
  item: Body,
  { key, images }: { readonly key: string; readonly images: ImageReference[] },
): string | PartDraft[] {
  const content = item.raw(key);
  if (typeof content === "string") return content;
  if (!Array.isArray(content)) throw item.error(key, "it is neither a text nor a list of parts");
  const parts = content.map((value: unknown, i) => {
    const part = new Body(value, `${item.place(key)}[${i}]`);
    const draft = readPart(part, images);
    part.end();
    return draft;
  });
  const texts = parts.map((part) => part.type === "text" ? part.text : undefined);
  return texts.includes(undefined) ? parts : texts.join("");
}

function readPart(part: Body, images: ImageReference[]): PartDraft {
  const type = part.text("type");
  if (type === "input_text" || type === "output_text") {
    if (type === "output_text") { for (const key of ["annotations", "logprobs"]) part.list(key); // of an answer
     }
    return { type: "text", text: textOf(part) };
  }
  if (type === "input_image") {
    part.only("file_id");
    part.choice("detail", ["auto", "low", "high", "original"]); // every image takes as many tokens
    const text = part.text("image_url");
    if (text === undefined) throw part.error("image_url", "it is missing");
    return addImage(images, { text, place: part.place("image_url") });
  }
  throw new ApiError(`Cannot use "${part.place("type")}": input_text, output_text and input_image are read`, {
    param: part.place("type"),
  });
}

function textOf(part: Body): string {
  const text = part.text("text");
  if (text === undefined) throw part.error("text", "it is missing");
  return text;
}
