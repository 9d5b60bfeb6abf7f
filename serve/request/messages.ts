/**
 * The messages of a chat request in OpenAI's form, and their images.
 *
 * @module
 */
import type { ChatPart, Message, Role, ToolCall } from "../../core/chat_events.ts";
import { ApiError } from "../api_error.ts";
import { Body } from "./body.ts";
import type { ImageReference } from "./images.ts";

/** A part whose image, one of a list, is not read yet. */
export type PartDraft = { readonly type: "text"; readonly text: string } | {
  readonly type: "image";
  readonly image: number;
};

/** A message whose images are not read yet. */
export type MessageDraft = Omit<Message, "content"> & { readonly content: string | readonly PartDraft[] };

/** Messages whose images are not read yet. */
export interface MessagesDraft {
  /** The images, in order. */
  readonly images: readonly ImageReference[];
  /** The messages with their images. */
  withImages(images: readonly Blob[]): Message[];
}

const roles = ["system", "developer", "user", "assistant", "tool"] as const;

/**
 * Reads `messages`; images are only noted.
 *
 * @throws {ApiError} naming the field that is wrong
 */
export function readMessages(body: Body): MessagesDraft {
  const list = body.list("messages");
  if (list === undefined || list.length === 0) throw body.error("messages", "there are none");
  const images: ImageReference[] = [];
  const drafts = list.map((value, i): MessageDraft => {
    const fields = new Body(value, `messages[${i}]`);
    const role = fields.choice("role", roles);
    if (role === undefined) throw fields.error("role", "it is missing");
    const content = readContent(fields, images);
    fields.only("name");
    fields.only("refusal");
    fields.only("audio");
    fields.only("function_call");
    fields.only("annotations", "empty");
    const toolCalls = role === "assistant" ? readCalls(fields) : undefined;
    const thoughts = role === "assistant" ? fields.text("reasoning_content") : undefined;
    const toolCallId = role === "tool" ? fields.text("tool_call_id") : undefined;
    if (toolCalls === undefined) fields.only("tool_calls", "empty");
    fields.end();
    return { role: role === "developer" ? "system" : role as Role, content, thoughts, toolCalls, toolCallId };
  });
  return messagesDraft(drafts, images);
}

/** Messages that are to get their images. */
export function messagesDraft(drafts: readonly MessageDraft[], images: readonly ImageReference[]): MessagesDraft {
  return {
    images,
    withImages: (files) =>
      drafts.map(({ content, ...message }) => ({
        ...message,
        content: typeof content === "string" ? content : withImages(content, files),
      })),
  };
}

function readCalls(fields: Body): ToolCall[] | undefined {
  return fields.list("tool_calls")?.map((value, i) => {
    const call = new Body(value, `${fields.place("tool_calls")}[${i}]`);
    call.only("type", "function");
    call.raw("index"); // of a stream's piece that was kept
    const [id = "", made] = [call.text("id"), call.object("function")];
    const [name, given = "{}"] = [made?.text("name"), made?.text("arguments")];
    made?.end();
    call.end();
    if (name === undefined) throw call.error("function", "it has no name");
    return { id, name, arguments: given };
  });
}

function readContent(fields: Body, images: ImageReference[]): string | PartDraft[] {
  const content = fields.raw("content");
  if (content === undefined || typeof content === "string") return content ?? "";
  if (!Array.isArray(content)) throw fields.error("content", "it is neither a text nor a list of parts");
  return content.map((value: unknown, i) => {
    const part = new Body(value, `${fields.place("content")}[${i}]`);
    return readPart(part, images);
  });
}

/** Parts with their images. */
export function withImages(parts: readonly PartDraft[], images: readonly Blob[]): ChatPart[] {
  return parts.map((part) => part.type === "text" ? part : { type: "image", image: images[part.image]! });
}

/**
 * Reads a part of a message; an image is added to the list.
 *
 * @throws {ApiError} naming the field that is wrong
 */
export function readPart(part: Body, images: ImageReference[]): PartDraft {
  const draft = readDraft(part, images);
  part.end();
  return draft;
}

function readDraft(part: Body, images: ImageReference[]): PartDraft {
  const type = part.text("type");
  if (type === "text") {
    const text = part.text("text");
    if (text === undefined) throw part.error("text", "it is missing");
    return { type, text };
  }
  if (type === "image_url") {
    const place = part.place("image_url");
    const value = part.raw("image_url");
    if (typeof value === "string") return addImage(images, { text: value, place });
    const inner = new Body(value, place);
    const text = inner.text("url");
    if (text === undefined) throw inner.error("url", "it is missing");
    inner.choice("detail", ["auto", "low", "high"]); // every image takes as many tokens
    inner.end();
    return addImage(images, { text, place });
  }
  if (type === "image") {
    const text = part.text("image");
    if (text === undefined) throw part.error("image", "it is missing");
    for (const key of ["mediaType", "mimeType"]) part.text(key); // the bytes tell
    return addImage(images, { text, place: part.place("image") });
  }
  throw new ApiError(`Cannot use "${part.place("type")}": text, image_url and image are read`, {
    param: part.place("type"),
  });
}

/** Adds an image to the list. */
export function addImage(images: ImageReference[], reference: ImageReference): PartDraft {
  return { type: "image", image: images.push(reference) - 1 };
}
