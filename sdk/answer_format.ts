/**
 * Which form an answer must have: JSON, a schema's values, a tool call.
 *
 * @module
 */
import type { ChatOptions, Json } from "../core/chat_events.ts";
import { SchemaError } from "../core/errors.ts";
import type { Tokenizer } from "../core/tokenizer.ts";
import {
  anyObject,
  choice,
  Grammar,
  GrammarConstraint,
  type Rule,
  schemaRule,
  sequence,
  text,
  TokenTrie,
  TriggeredConstraint,
} from "../data/grammar/mod.ts";
import { isObject } from "../data/tokenizer/json_object.ts";
import { callBegin, callEnd } from "./tool_calls.ts";

/** Options that say which form an answer has. */
export type FormatOptions = Pick<ChatOptions, "responseFormat" | "tools" | "toolChoice">;

/** The form of an answer. */
export interface AnswerForm {
  /** Tokens that the shortest answer of the form may take; 0 where any form will do. */
  readonly need: number;
  /** Holds one answer to it, which ends with any of `stopIds`. */
  hold(stopIds: readonly number[]): HeldAnswer;
}

/** What holds one answer to its form. */
export interface HeldAnswer {
  /** Holds all of it; absent where any form will do. */
  readonly form: GrammarConstraint | undefined;
  /** The same, or what holds the calls of strict tools in an answer of any form. */
  readonly constraint: GrammarConstraint | TriggeredConstraint | undefined;
}

/** Grammars that are kept: servers are asked for the same ones again and again. */
const maxKept = 16;

/** The grammars of one tokenizer, the last ones kept with all that was found out about them. */
export class AnswerFormats {
  readonly #tokenizer: Tokenizer;
  readonly #kept = new Map<string, Grammar>();
  #trie: TokenTrie | undefined;

  /** Takes the tokenizer. */
  constructor(tokenizer: Tokenizer) {
    this.#tokenizer = tokenizer;
  }

  /**
   * The form that options ask for.
   *
   * @throws what {@link AnswerFormats.grammar} and {@link AnswerFormats.calls} throw
   */
  form(options: FormatOptions): AnswerForm {
    const [grammar, calls] = [this.grammar(options), this.calls(options)];
    return {
      need: grammar?.need ?? 0,
      hold: (stopIds) => {
        const held = { tokenizer: this.#tokenizer, stopIds };
        const form = grammar && new GrammarConstraint(grammar, held);
        return {
          form,
          constraint: form ?? (calls && new TriggeredConstraint(calls, { ...held, trigger: callBegin })),
        };
      },
    };
  }

  /**
   * The grammar that an answer has to follow; undefined if it may have any form.
   *
   * @throws {SchemaError} for a schema that answers cannot be held to
   * @throws {TypeError} if the options contradict each other, or a tool is none
   */
  grammar({ responseFormat, tools, toolChoice }: FormatOptions): Grammar | undefined {
    const key = JSON.stringify(["answer", responseFormat, toolChoice, tools]);
    return this.#grammar(key, () => answerRule({ responseFormat, tools, toolChoice }));
  }

  /**
   * The grammar of what follows `<tool_call>` in an answer of any form; undefined where no tool is `strict`.
   *
   * @throws {SchemaError} if a strict tool has parameters that calls cannot be held to
   */
  calls({ tools = [], toolChoice = "auto" }: FormatOptions): Grammar | undefined {
    if (toolChoice !== "auto" || !tools.some((tool) => functionOf(tool).strict)) return undefined;
    return this.#grammar(JSON.stringify(["calls", tools]), () => {
      const called = tools.map(functionOf);
      return choice(...called.map((tool) => callRule(tool.strict ? tool : { ...tool, parameters: undefined })));
    });
  }

  #grammar(key: string, makeRule: () => Rule | undefined): Grammar | undefined {
    const known = this.#kept.get(key);
    if (known !== undefined) {
      this.#kept.delete(key); // and put back as the one used last
      this.#kept.set(key, known);
      return known;
    }
    const rule = makeRule();
    if (rule === undefined) return undefined;
    this.#trie ??= new TokenTrie(this.#tokenizer);
    const grammar = new Grammar(rule, this.#trie);
    if (grammar.need === Infinity) {
      throw new SchemaError("Cannot hold answers to the JSON schema: all of its values go on without end");
    }
    this.#kept.set(key, grammar);
    if (this.#kept.size > maxKept) this.#kept.delete(this.#kept.keys().next().value!);
    return grammar;
  }
}

function answerRule({ responseFormat: format, tools = [], toolChoice = "auto" }: FormatOptions): Rule | undefined {
  const names = tools.map((tool) => functionOf(tool).name);
  if (toolChoice !== "auto" && toolChoice !== "none") {
    const named = toolChoice === "required" ? undefined : toolChoice.toolName;
    if (named !== undefined && !names.includes(named)) {
      throw new TypeError(
        `Cannot call tool "${named}": ${names.length === 0 ? "there are none" : `there is ${names}`}`,
      );
    }
    if (names.length === 0) throw new TypeError("Cannot call a tool: there are none");
    if (format !== undefined && format.type !== "text") {
      throw new TypeError(`Cannot use both responseFormat "${format.type}" and a tool call: an answer has one form`);
    }
    const called = tools.map(functionOf).filter(({ name }) => named === undefined || name === named);
    return sequence(text(callBegin), choice(...called.map(callRule)));
  }
  switch (format?.type) {
    case undefined:
    case "text":
      return undefined;
    case "json_object":
      return anyObject;
    case "json_schema":
      return schemaRule(format.schema);
    default:
      throw new TypeError(`Cannot answer with responseFormat ${JSON.stringify(format)}: there is no such type`);
  }
}

/** A tool, as far as calls concern it. */
interface ToolFunction {
  readonly name: string;
  readonly parameters: Json | undefined;
  /** Whether calls of it are held to its parameters in any case. */
  readonly strict: boolean;
}

/** The text of a tool's call after its beginning. */
function callRule({ name, parameters }: ToolFunction): Rule {
  const before = text(`\n{"name": ${JSON.stringify(name)}, "arguments": `);
  try {
    const given = parameters === undefined ? anyObject : schemaRule(parameters);
    return sequence(before, given, text(`}\n${callEnd}`));
  } catch (error) {
    if (!(error instanceof SchemaError)) throw error;
    throw new SchemaError(`Cannot call tool "${name}": ${error.message}`, { cause: error });
  }
}

/** What a tool says, in OpenAI's form or bare. @throws {TypeError} if it has no name */
function functionOf(tool: Json): ToolFunction {
  const inner: unknown = isObject(tool) ? tool["function"] ?? tool : undefined;
  if (!isObject(inner) || typeof inner["name"] !== "string" || inner["name"] === "") {
    throw new TypeError(`Cannot offer tool ${JSON.stringify(tool)}: it has no name`);
  }
  const { name, parameters, strict } = inner;
  return { name, parameters: parameters as Json | undefined, strict: strict === true };
}
