/**
 * Chat templates: Jinja programs, kept beside a tokenizer, that print a conversation as one text.
 *
 * @module
 */
import type { Template } from "@huggingface/jinja";
import { ConfigError } from "../core/errors.ts";
import { markKeys } from "./chat/marks.ts";
import type { Json } from "./chat/message.ts";
import { isObject, parseJsonObject } from "./tokenizer/json_object.ts";
import { tokenText } from "./tokenizer/tokenizer_file.ts";

/** Options of {@link ChatTemplate.render}. */
export interface ChatTemplateOptions {
  /** Whether to print what comes before an answer. Default false. MiniMind2-V's template does so in any case. */
  readonly addGenerationPrompt?: boolean | undefined;
  /** Whether the answer shall begin with thoughts, where the template knows of them. Default false. */
  readonly openThinking?: boolean | undefined;
  /** Tools the model may call, as JSON schemas. Default none. */
  readonly tools?: readonly Json[] | undefined;
}

/** A message as a template takes it: `role`, `content` as one string, and what else the template knows. */
export type TemplateMessage = Readonly<Record<string, Json | undefined>>;

/** Longest list that `range` makes in a template, as in Hugging Face's sandbox. */
const maxRange = 100_000;

/** Turns of loops and calls of macros in all: far more than any conversation needs, and a matter of seconds. */
const maxTurns = 1_000_000;

/** The library, as far as it is used. */
type Jinja = Pick<typeof import("@huggingface/jinja"), "parse" | "Template" | "tokenize">;

/** A program that has been read, and what it may use. */
interface CompiledTemplate {
  readonly template: Template;
  readonly variables: Readonly<Record<string, string>>;
}

/** A chat template, ready to print. */
export class ChatTemplate {
  /** The program's text. */
  readonly source: string;
  readonly #template: Template;
  readonly #variables: Readonly<Record<string, string>>;

  private constructor(source: string, { template, variables }: CompiledTemplate) {
    this.source = source;
    this.#template = template;
    this.#variables = variables;
  }

  /**
   * Compiles a template. It may use `variables`, which hold the texts of special tokens such as `eos_token`. The library
   * that knows Jinja is loaded for the first one.
   *
   * @throws {ConfigError} if it is no Jinja
   */
  static async compile(source: string, variables: Readonly<Record<string, string>> = {}): Promise<ChatTemplate> {
    const jinja: Jinja = await import("@huggingface/jinja");
    try {
      const template = new jinja.Template(source);
      rewrite(template.parsed, jinja);
      return new ChatTemplate(source, { template, variables });
    } catch (error) {
      throw new ConfigError(`Cannot read the chat template: ${messageOf(error)}`, { cause: error });
    }
  }

  /**
   * Prints messages.
   *
   * @throws {ConfigError} if the template cannot print them
   */
  render(messages: readonly TemplateMessage[], options: ChatTemplateOptions = {}): string {
    const { addGenerationPrompt = false, openThinking = false, tools = null } = options;
    const variables = {
      ...this.#variables,
      ...functions,
      count_turn: turnCounter(),
      messages,
      tools,
      add_generation_prompt: addGenerationPrompt,
      open_thinking: openThinking,
    };
    try {
      return this.#template.render(variables);
    } catch (error) {
      throw new ConfigError(`Cannot render the chat template: ${messageOf(error)}`, { cause: error });
    }
  }
}

/**
 * Takes the chat template out of the text of a `tokenizer_config.json`.
 *
 * @throws {ConfigError} if there is none, or it is no Jinja
 */
export async function parseChatTemplate(config: string): Promise<ChatTemplate> {
  const file = parseJsonObject(config, "tokenizer_config.json");
  const { chat_template: found } = file;
  const named = Array.isArray(found) ? found.find((entry) => isObject(entry) && entry["name"] === "default") : found;
  const source: unknown = isObject(named) ? named["template"] : named;
  if (typeof source !== "string") {
    throw new ConfigError(`Cannot read "chat_template" of "tokenizer_config.json": it is not a string`);
  }
  const tokens = Object.keys(file).filter((key) => key.endsWith("_token"));
  const texts = tokens.map((key) => [key, tokenText(file[key])] as const);
  return await ChatTemplate.compile(
    source,
    Object.fromEntries(texts.filter((entry): entry is [string, string] => !!entry[1])),
  );
}

/** A node of a parsed template, as far as it has to be known here. */
interface Node {
  type: string;
  [field: string]: unknown;
}

/** Methods of strings that the library has in a simpler form than Python, and the functions they become. */
const methods: Readonly<Record<string, string>> = {
  strip: "python_strip",
  lstrip: "python_lstrip",
  rstrip: "python_rstrip",
};

/** The functions that rewritten programs call. */
const functions = {
  python_strip: (text: unknown, characters?: unknown) => strip(text, { characters, start: true, end: true }),
  python_lstrip: (text: unknown, characters?: unknown) => strip(text, { characters, start: true, end: false }),
  python_rstrip: (text: unknown, characters?: unknown) => strip(text, { characters, start: false, end: true }),
  limited_range: (...bounds: number[]) => {
    const [start, stop, step = 1] = bounds.length < 2 ? [0, bounds[0]!] : bounds as [number, number, number?];
    const length = Math.max(0, Math.ceil((stop - start) / step));
    if (!(length <= maxRange)) throw new RangeError(`a range of ${length} elements, the limit is ${maxRange}`);
    return Array.from({ length }, (_, i) => start + i * step);
  },
};

/**
 * Changes a program in three ways: `text.lstrip(characters)` and its like become calls of functions, for the library's
 * own methods ignore the characters; `range`, loops and macros get a limit, for a program comes with a download; and
 * every loop prints the marks of what it goes over, if it has any.
 */
function rewrite(value: unknown, jinja: Jinja): void {
  if (Array.isArray(value) || value instanceof Map) {
    for (const element of value) rewrite(element, jinja);
  } else if (isNode(value)) {
    for (const field of Object.values(value)) rewrite(field, jinja);
    if (value.type === "CallExpression" && isNode(value["callee"])) rewriteCall(value, value["callee"]);
    const { loopvar, body } = value;
    if ((value.type === "For" || value.type === "Macro") && Array.isArray(body)) {
      const named = value.type === "For" && isNode(loopvar) && loopvar.type === "Identifier";
      const mark = (key: string) => named ? [printed(`${loopvar["value"]}["${key}"]`, jinja)] : [];
      value["body"] = [printed("count_turn()", jinja), ...mark(markKeys.begin), ...body, ...mark(markKeys.end)];
    }
  }
}

/** The node that prints an expression. */
function printed(expression: string, { parse, tokenize }: Jinja): unknown {
  return parse(tokenize(`{{ ${expression} }}`)).body[0]!;
}

/** A function that prints nothing, and throws when it was called too often. */
function turnCounter(): () => string {
  let turns = 0;
  return () => {
    if (++turns > maxTurns) throw new RangeError(`more than ${maxTurns} turns of its loops`);
    return "";
  };
}

function rewriteCall(call: Node, callee: Node): void {
  const { type, object, property, computed } = callee;
  const name = type === "MemberExpression" && !computed && isNode(property) ? String(property["value"]) : "";
  if (Object.hasOwn(methods, name)) {
    call["callee"] = { type: "Identifier", value: methods[name] };
    call["args"] = [object, ...call["args"] as unknown[]];
  } else if (type === "Identifier" && callee["value"] === "range") {
    callee["value"] = "limited_range";
  }
}

function isNode(value: unknown): value is Node {
  return isObject(value) && typeof value["type"] === "string";
}

/** Python's `str.strip` and its like: takes any of the characters off the ends, white space by default. */
function strip(
  text: unknown,
  { characters, start, end }: { characters: unknown; start: boolean; end: boolean },
): string {
  if (typeof text !== "string") throw new TypeError("strip() of something that is not a string");
  const goes = typeof characters === "string"
    ? (character: string) => characters.includes(character)
    : (character: string) => /\p{White_Space}/u.test(character) || (character >= "\x1c" && character <= "\x1f");
  const all = [...text];
  const first = start ? all.findIndex((character) => !goes(character)) : 0;
  const last = end ? all.findLastIndex((character) => !goes(character)) : all.length - 1;
  return first < 0 ? "" : all.slice(first, last + 1).join("");
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
