/**
 * What the golden cases of text share: the tokenizer beside them, and one stage for many texts.
 *
 * @module
 */
import { type ChatTemplate, parseChatTemplate } from "../../data/chat_template.ts";
import { ChatRenderer } from "../../data/chat/render.ts";
import type { LabelRule } from "../../data/chat/labels.ts";
import { parseTokenizer } from "../../data/tokenizer.ts";
import type { AddedToken, Tokenizer } from "../../core/tokenizer.ts";
import { type Check, verdictOf } from "./check.ts";
import { type Golden, readFile } from "./golden.ts";

/** A tokenizer and its template. */
export interface TextTools {
  /** Text to ids. */
  readonly tokenizer: Tokenizer;
  /** Messages to text. */
  readonly template: ChatTemplate;
  /** Renders chats in which an image takes some markers. */
  renderer(imageTokens: number): ChatRenderer;
}

const generations: Readonly<Record<string, { readonly marker: string; readonly labels: LabelRule }>> = {
  v2: { marker: "@", labels: "token" },
  v3: { marker: "<|image_pad|>", labels: "newline" },
};

/** Reads the tokenizer in the folder that has the name of the document's `version`. */
export async function readTokenizer(golden: Golden): Promise<TextTools> {
  const version = String(golden.document["version"]);
  const generation = generations[version];
  if (generation === undefined) throw new TypeError(`Cannot read a tokenizer of version "${version}": it is unknown`);
  const read = async (file: string) => new TextDecoder().decode(await readFile(golden, `${version}/${file}`));
  const files = { tokenizer: await read("tokenizer.json"), config: await read("tokenizer_config.json") };
  const [tokenizer, template] = await Promise.all([parseTokenizer(files), parseChatTemplate(files.config)]);
  const { marker, labels } = generation;
  const renderer = (tokens: number) => {
    const placeholder = { marker: tokenizer.encode(marker)[0]!, tokens };
    return new ChatRenderer({ tokenizer, template, placeholder, labels });
  };
  return { tokenizer, template, renderer };
}

/** Something that came out for one text. */
export interface Outcome {
  /** Name of the text, for the message of a failure. */
  readonly name: string;
  /** What came out. */
  readonly actual: unknown;
  /** What should have. */
  readonly expected: unknown;
}

/** A stage that passes when everything came out as it should, for at least one text. */
export function allSame(stage: string, outcomes: readonly Outcome[]): Check {
  const text = (value: unknown) => JSON.stringify(ArrayBuffer.isView(value) ? Array.from(value as Int32Array) : value);
  const odd = outcomes.find(({ actual, expected }) => text(actual) !== text(expected));
  if (odd === undefined) return verdictOf(stage, outcomes.length > 0, `${outcomes.length} equal`);
  return verdictOf(stage, false, `${odd.name}: ${text(odd.actual)}, expected ${text(odd.expected)}`);
}

/** Whether a message holds text that upstream takes for a token and a renderer by default does not. */
export function looksLikeToken(
  { role, content }: { readonly role: string; readonly content: string },
  tokenizer: Tokenizer,
): boolean {
  const counts = ({ special }: AddedToken) => special || role !== "assistant";
  return [...tokenizer.addedTokens.values()].some((token) => counts(token) && content.includes(token.text));
}
