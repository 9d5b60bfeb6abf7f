/**
 * Renders conversations: messages and images → ids, where the images go, and what is to be learnt.
 *
 * @module
 */
import { ConfigError, PlaceholderError } from "../../core/errors.ts";
import type { PlaceholderRule } from "../../core/placeholders.ts";
import type { Tokenizer } from "../../core/tokenizer.ts";
import type { ChatTemplate, ChatTemplateOptions, TemplateMessage } from "../chat_template.ts";
import type { ChatIds } from "./chat_ids.ts";
import { type AnswerBounds, findAnswers, type LabelRule } from "./labels.ts";
import { LiteralEncoder } from "./literal_encoder.ts";
import { LocatedTokens } from "./located_tokens.ts";
import { imageMark, LiteralMarks, messageMarks, type UnmarkedText } from "./marks.ts";
import { type ChatMessage, joinParts, type Json, roles } from "./message.ts";
import type { Span } from "./span.ts";

/** What a model's prompts are made with. */
export interface ChatFormat {
  /** Text to ids. It must have a bos and an eos token. */
  readonly tokenizer: Tokenizer;
  /** Messages to text. */
  readonly template: ChatTemplate;
  /** The marker of images and how many of them an image takes. */
  readonly placeholder: Pick<PlaceholderRule, "marker" | "tokens">;
  /** Where answers begin and end. Default `newline`. */
  readonly labels?: LabelRule | undefined;
}

/** Options of {@link ChatRenderer.render}. */
export interface RenderOptions extends ChatTemplateOptions {
  /**
   * Whether text in messages that looks like an added token becomes that token, as upstream does. Without it typed
   * control tokens stay text: all of them in what users, systems and tools say, and in tool calls; those that are
   * special in what the assistant says, which may contain `<think>`. Default false.
   */
  readonly parseSpecial?: boolean | undefined;
  /**
   * What goes between an image part and the part beside it, unless the text has it there already. Default a newline,
   * as in upstream's prompts. Data sets whose texts have their own white space set it empty.
   */
  readonly imageSeparator?: string | undefined;
  /** Whether to take out the empty thoughts that minimind-3v's template prints. Default false. */
  readonly dropEmptyThoughts?: boolean | undefined;
}

/** A rendered conversation. */
export interface RenderedChat extends ChatIds {
  /** The text that the ids spell, image markers included. */
  readonly text: string;
}

/** What minimind-3v's template prints for an assistant that did not think. */
const emptyThoughts = "<think>\n\n</think>\n\n";

/** Renders the conversations of one model. */
export class ChatRenderer {
  readonly #format: ChatFormat;
  readonly #encoder: LiteralEncoder;
  readonly #marks: LiteralMarks;
  readonly #markAll: (text: string) => string;
  readonly #markSpecial: (text: string) => string;
  readonly #markNone: (text: string) => string;
  readonly #imageMarkers: string;
  readonly #header: string;
  readonly #bounds: AnswerBounds;

  /**
   * Prepares a format.
   *
   * @throws {ConfigError} if the tokenizer has no bos or eos token
   * @throws {RangeError} if the vocabulary does not have the marker
   */
  constructor(format: ChatFormat) {
    const { tokenizer, placeholder: { marker, tokens }, labels: rule = "newline" } = format;
    const { control: { bos, eos }, addedTokens } = tokenizer;
    if (bos === undefined || eos === undefined) {
      throw new ConfigError(`Cannot render chats: the tokenizer has no ${bos === undefined ? "bos" : "eos"} token`);
    }
    this.#format = format;
    this.#encoder = new LiteralEncoder(tokenizer);
    this.#marks = new LiteralMarks(addedTokens.keys());
    const special = [...addedTokens.values()].filter(({ special }) => special);
    this.#markAll = this.#marks.marker(addedTokens.keys());
    this.#markSpecial = this.#marks.marker(special.map(({ text }) => text));
    this.#markNone = this.#marks.marker([]);
    this.#imageMarkers = tokenizer.decode([marker]).repeat(tokens);
    this.#header = `${bos.text}assistant\n`;
    const newline = rule === "newline" ? "\n" : "";
    this.#bounds = {
      header: tokenizer.encode(`${bos.text}assistant${newline}`),
      end: tokenizer.encode(eos.text + newline),
      rule,
    };
  }

  /**
   * Renders messages. An image part becomes exactly as many markers as an image takes; nothing typed becomes one.
   * Labels are placed by what the template prints for each message, or, with `parseSpecial`, found in the ids.
   *
   * @throws {RangeError} if there are no messages, or a role is unknown
   * @throws {PlaceholderError} if the template drops an image, two images touch, or markers join the text beside them
   * @throws {ConfigError} if the template cannot print the messages
   */
  render(messages: readonly ChatMessage[], options: RenderOptions = {}): RenderedChat {
    const { parseSpecial = false, dropEmptyThoughts = false, tools } = options;
    if (messages.length === 0) throw new RangeError("Cannot render a chat: there are no messages");
    const mark = parseSpecial ? this.#markNone : this.#markAll;
    const prepared = messages.map((message, i) => this.#prepare(message, i, options));
    const printed = this.#format.template.render(prepared, { ...options, tools: tools?.map((t) => mapText(t, mark)) });
    const unmarked = this.#marks.unmark(
      dropEmptyThoughts ? printed.replaceAll(emptyThoughts, "") : printed,
      this.#imageMarkers,
    );
    const { text, literals } = unmarked;
    const { tokenizer } = this.#format;
    const tokens = new LocatedTokens(text, this.#encoder.encode(text, literals), tokenizer);
    const { ids } = tokens;
    const images = this.#placeImages(tokens, unmarked, countImages(messages));
    const labels = parseSpecial ? findAnswers(ids, this.#bounds) : this.#placeLabels(tokens, unmarked, messages);
    return { text, ids, images, labels };
  }

  /** A message as the template takes it, with its marks. */
  #prepare(message: ChatMessage, index: number, options: RenderOptions): TemplateMessage {
    const { parseSpecial = false, imageSeparator: separator = "\n" } = options;
    const { role, content, reasoning_content: thoughts, tool_calls: calls } = message;
    if (!roles.includes(role)) {
      throw new RangeError(`Cannot render message ${index}: its role is "${role}", there are ${roles.join(", ")}`);
    }
    const markTyped = parseSpecial ? this.#markNone : this.#markAll;
    const mark = !parseSpecial && role === "assistant" ? this.#markSpecial : markTyped;
    return {
      role,
      content: joinParts(content, { image: imageMark, separator, text: mark }),
      ...(thoughts === undefined ? {} : { reasoning_content: mark(thoughts) }),
      ...(calls === undefined ? {} : { tool_calls: calls.map((call) => mapText(call, markTyped)) }),
      ...messageMarks(index),
    };
  }

  #placeImages(tokens: LocatedTokens, { images }: UnmarkedText, expected: number): Span[] {
    const fail = (what: string, problem: string) => new PlaceholderError(`Cannot place ${what}: ${problem}`);
    const { marker, tokens: count } = this.#format.placeholder;
    if (images.length !== expected) {
      throw fail(`${expected} images`, `the chat template printed ${images.length}; it may have dropped a message`);
    }
    return images.map(({ start, length }, i) => {
      const last = images[i - 1];
      if (last !== undefined && last.start + last.length === start) {
        throw fail(`image ${i}`, `it touches image ${i - 1}; separate adjacent images with a token of text`);
      }
      const [first, after] = [tokens.from(start), tokens.from(start + length)];
      const whole = first.exact && after.exact && after.token - first.token === count;
      if (whole && tokens.ids.subarray(first.token, after.token).every((id) => id === marker)) {
        return { start: first.token, length: count };
      }
      throw fail(`image ${i}`, "its markers join the text beside them; separate them with a newline");
    });
  }

  /** The answers, told by what the template printed for each message. */
  #placeLabels(tokens: LocatedTokens, { text, messages }: UnmarkedText, chat: readonly ChatMessage[]): Span[] {
    const header = this.#header;
    const answers: Span[] = [];
    for (const [message, { start, length }] of messages) {
      if (chat[message]?.role !== "assistant") continue;
      // minimind-3v prints the header with the answer, MiniMind2-V with the question before it.
      const place = text.startsWith(header, start) ? start + header.length : start;
      if (text.slice(place - header.length, place) !== header) continue;
      const [first, after] = [tokens.from(place), tokens.from(start + length)];
      if (this.#bounds.rule === "newline" && !first.exact) continue;
      answers.push({ start: first.token, length: after.token - first.token });
    }
    return answers.sort((a, b) => a.start - b.start);
  }
}

function countImages(messages: readonly ChatMessage[]): number {
  const parts = messages.flatMap(({ content }) => typeof content === "string" ? [] : content);
  return parts.filter(({ type }) => type === "image").length;
}

/** Changes every string in a JSON value, keys included. */
function mapText(value: Json, change: (text: string) => string): Json {
  if (typeof value === "string") return change(value);
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((element: Json) => mapText(element, change));
  return Object.fromEntries(Object.entries(value).map(([key, inner]) => [change(key), mapText(inner, change)]));
}
