/**
 * Marks that travel through a chat template inside the text: where an image is, where a message begins and ends, and
 * which text only looks like a token. Their first character is private, and where somebody types that very character
 * it is marked too, so nothing typed can be taken for a mark.
 *
 * @module
 */
import { matchAny } from "../tokenizer/match_any.ts";
import type { Span } from "./span.ts";

/** First character of every mark. */
const lead = "\uE000";
const typedLead = `${lead}\uE001`;
const beginMark = (message: number) => `${lead}\uE003${message};`;
const endMark = `${lead}\uE004`;
const anyMark = /\uE000(?:\uE003(\d+);|([^\uE003]))/g;

/** A literal's code: an ideograph, for those have no case and are no white space; there are some twenty thousand. */
const firstCode = 0x4e00;

/** The place of an image. */
export const imageMark = `${lead}\uE002`;

/** Keys of a message under which a template finds what to print before and after all it makes of the message. */
export const markKeys: { readonly begin: string; readonly end: string } = { begin: `${lead}begin`, end: `${lead}end` };

/** The marks of a message, by {@link markKeys}. */
export function messageMarks(message: number): Readonly<Record<string, string>> {
  return { [markKeys.begin]: beginMark(message), [markKeys.end]: endMark };
}

/** A text freed of its marks, and what they said; places in UTF-16 units. */
export interface UnmarkedText {
  /** The text. */
  readonly text: string;
  /** Stretches that look like a token and are plain text, in order. */
  readonly literals: readonly Span[];
  /** Images, in order. */
  readonly images: readonly Span[];
  /** What the template printed for each message; the longest stretch if it went over them more than once. */
  readonly messages: ReadonlyMap<number, Span>;
}

/** Marks what only looks like one of a list of texts. */
export class LiteralMarks {
  readonly #texts: readonly string[];
  readonly #marks: ReadonlyMap<string, string>;

  /** Knows texts that are to be marked where somebody types them. */
  constructor(texts: Iterable<string>) {
    this.#texts = [...texts];
    const marks = this.#texts.map((text, i) => [text, lead + String.fromCharCode(firstCode + i)] as const);
    this.#marks = new Map([[lead, typedLead], ...marks]);
  }

  /** Gives a function that marks some of the texts, and whatever looks like a mark, in a string. */
  marker(texts: Iterable<string>): (text: string) => string {
    const pattern = matchAny([lead, ...texts]);
    return (text) => text.replace(pattern, (match) => this.#marks.get(match)!);
  }

  /** Takes all marks out of a text; an image leaves its markers. */
  unmark(marked: string, imageMarkers: string): UnmarkedText {
    const literals: Span[] = [];
    const images: Span[] = [];
    const messages = new Map<number, Span>();
    const open: { readonly message: number; readonly start: number }[] = [];
    let text = "";
    let done = 0;
    const close = () => {
      const { message, start } = open.pop() ?? { message: -1, start: text.length };
      const length = text.length - start;
      if (length > (messages.get(message)?.length ?? 0)) messages.set(message, { start, length });
    };
    for (const { 0: mark, 1: message, 2: code, index } of marked.matchAll(anyMark)) {
      text += marked.slice(done, index);
      done = index + mark.length;
      if (message !== undefined) open.push({ message: Number(message), start: text.length });
      else if (mark === endMark) close();
      else if (mark === typedLead) text += lead;
      else {
        const shown = mark === imageMark ? imageMarkers : this.#texts[code!.charCodeAt(0) - firstCode];
        const places = mark === imageMark ? images : literals;
        if (shown !== undefined) places.push({ start: text.length, length: shown.length });
        text += shown ?? mark; // a template's own
      }
    }
    return { text: text + marked.slice(done), literals, images, messages };
  }
}
