/**
 * Tells what a model thinks from what it answers, where its prompt has begun the thoughts.
 *
 * @module
 */
import type { ChatEvent, ChatOptions, Message } from "../../core/chat_events.ts";
import type { ServedModel } from "../../core/server.ts";

const begin = "<think>";
const end = "</think>";

/** Answers messages; thoughts are told apart where they are asked for and the prompt has begun them. */
export function chatWithThoughts(
  model: ServedModel,
  messages: readonly Message[],
  options: ChatOptions,
): AsyncIterable<ThoughtEvent> {
  const events = model.chat(messages, options);
  if (options.openThinking !== true) return events;
  return model.render(messages, options).text.trimEnd().endsWith(begin) ? withThoughts(events) : events;
}

/** Thoughts and answer of a text. */
export interface ThoughtAndText {
  /** What came of the thoughts. */
  readonly thought: string;
  /** What came of the answer. */
  readonly text: string;
}

/** Splits an answer that comes in pieces. */
export class ThoughtReader {
  #held = "";
  #thinks = true;
  #starts = true;

  /** Takes a piece, and gives what certainly belongs to thoughts and answer. */
  push(piece: string): ThoughtAndText {
    if (!this.#thinks) return { thought: "", text: this.#answer(piece) };
    const all = this.#held + piece;
    const place = all.indexOf(end);
    if (place >= 0) {
      this.#thinks = false;
      this.#held = "";
      return { thought: all.slice(0, place), text: this.#answer(all.slice(place + end.length)) };
    }
    let keep = Math.min(end.length - 1, all.length);
    while (!end.startsWith(all.slice(all.length - keep))) keep--;
    this.#held = all.slice(all.length - keep);
    return { thought: all.slice(0, all.length - keep), text: "" };
  }

  /** Gives what was held back, at the end. */
  flush(): ThoughtAndText {
    const thought = this.#held;
    this.#held = "";
    return { thought, text: "" };
  }

  /** The answer without the empty lines after the thoughts. */
  #answer(piece: string): string {
    const text = this.#starts ? piece.replace(/^\n+/, "") : piece;
    this.#starts &&= text === "";
    return text;
  }
}

/** Thoughts and answer of a whole text. */
export function splitThoughts(text: string): ThoughtAndText {
  const reader = new ThoughtReader();
  const [first, last] = [reader.push(text), reader.flush()];
  return { thought: first.thought + last.thought, text: first.text };
}

/** An event whose text may be a thought. */
export type ThoughtEvent = ChatEvent & { readonly thought?: string | undefined };

/** Takes the thoughts out of an answer's texts, and tells them as `thought`. */
async function* withThoughts(events: AsyncIterable<ChatEvent>): AsyncGenerator<ThoughtEvent, void, void> {
  const readers = new Map<number, ThoughtReader>();
  for await (const event of events) {
    const { index } = event;
    const reader = readers.get(index) ?? new ThoughtReader();
    readers.set(index, reader);
    if (event.type === "text-delta") {
      const { thought, text } = reader.push(event.text);
      if (thought !== "" || text !== "" || event.logprobs !== undefined) yield { ...event, text, thought };
    } else if (event.type === "finish") {
      const { thought } = reader.flush();
      if (thought !== "") yield { type: "text-delta", index, text: "", thought };
      yield { ...event, ...splitThoughts(event.text) };
    } else yield event;
  }
}
