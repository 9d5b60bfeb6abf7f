/**
 * Messages of a conversation.
 *
 * @module
 */
import type { Json, Role } from "../../core/chat_events.ts";

export type { Json, Role };

/** Every role. */
export const roles: readonly Role[] = ["system", "user", "assistant", "tool"];

/** A piece of a message: some text, or the place of an image. */
export type ContentPart = { readonly type: "text"; readonly text: string } | { readonly type: "image" };

/** One message. Its keys are those of chat templates, hence the snake case. */
export interface ChatMessage {
  /** Who speaks. */
  readonly role: Role;
  /** What is said. A string is all text, `<image>` included; an image is a part of its own. */
  readonly content: string | readonly ContentPart[];
  /** What an assistant thought before it answered, where the template knows of it. */
  readonly reasoning_content?: string | undefined;
  /** Tools an assistant calls: `{ function: { name, arguments } }`. */
  readonly tool_calls?: readonly Json[] | undefined;
}

/**
 * Joins the parts of a message. Between an image and its neighbour goes the separator, unless the text has it there.
 *
 * @throws {TypeError} if a part is neither text nor image
 */
export function joinParts(
  content: ChatMessage["content"],
  { image, separator, text }: { image: string; separator: string; text: (text: string) => string },
): string {
  if (typeof content === "string") return text(content);
  if (!Array.isArray(content)) throw new TypeError(`Cannot read a message: its content is neither text nor parts`);
  let joined = "";
  let typed = ""; // text parts in a row are one text
  let afterImage = false;
  const endText = () => {
    const glue = afterImage && typed !== "" && !typed.startsWith(separator) ? separator : "";
    joined += glue + text(typed);
  };
  for (const part of content as readonly ContentPart[]) {
    if (part.type === "text" && typeof part.text === "string") {
      typed += part.text;
    } else if (part.type === "image") {
      endText();
      const alone = typed === "" ? !afterImage : typed.endsWith(separator);
      joined += (alone ? "" : separator) + image;
      typed = "";
      afterImage = true;
    } else {
      throw new TypeError(`Cannot read a message: ${JSON.stringify(part)} is neither text nor an image`);
    }
  }
  endText();
  return joined;
}
