/**
 * Reads `tokenizer.json` and `tokenizer_config.json` and checks all that byte-level BPE needs of them.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";
import type { AddedToken, ControlTokens } from "../../core/tokenizer.ts";
import { byteCharacters, bytesOfWord } from "./byte_level.ts";
import { isObject, type JsonObject, parseJsonObject, show } from "./json_object.ts";

/** Texts of the files of a tokenizer. */
export interface TokenizerFiles {
  /** Text of `tokenizer.json`. */
  readonly tokenizer: string;
  /** Text of `tokenizer_config.json`. */
  readonly config: string;
}

/** What `tokenizer.json` says. */
export interface TokenizerSpec {
  /** Id of every word, in the byte-level alphabet. */
  readonly vocab: Readonly<Record<string, number>>;
  /** Pairs of words that are joined, the first ones first. */
  readonly merges: readonly (readonly [string, string])[];
  /** Whether a piece of text that is a word as it stands needs no merges. */
  readonly ignoreMerges: boolean;
  /** Tokens that are matched before all others. */
  readonly added: readonly AddedToken[];
}

/** Ids that a vocabulary may have; real ones have some hundred thousand. */
const maxId = 2 ** 20;

/** Tokens that may be added; real files add some hundred. */
const maxAdded = 2 ** 14;

/** Fields that would change the result in ways byte-level BPE does not know, and the values that do not. */
const neutral: Readonly<Record<string, readonly unknown[]>> = {
  dropout: [undefined, null, 0],
  continuing_subword_prefix: [undefined, null, ""],
  end_of_word_suffix: [undefined, null, ""],
  byte_fallback: [undefined, null, false],
};

/** Checks the text of a `tokenizer.json`. @throws {ConfigError} naming the key */
export function parseTokenizerFile(text: string): TokenizerSpec {
  const file = parseJsonObject(text, "tokenizer.json");
  const { model, normalizer, pre_tokenizer: pre, post_processor: post, decoder, added_tokens: added } = file;
  if (!isObject(model)) fail("model", "it is not an object");
  if (model["type"] !== undefined && model["type"] !== "BPE") fail("model.type", `${show(model["type"])} is not "BPE"`);
  for (const [key, values] of Object.entries(neutral)) {
    if (!values.includes(model[key])) fail(`model.${key}`, `${show(model[key])} is not supported`);
  }
  if (normalizer !== null && normalizer !== undefined) fail("normalizer", "none is supported");
  if (!isByteLevel(pre) || pre["add_prefix_space"] !== false || (pre["use_regex"] ?? true) !== true) {
    fail("pre_tokenizer", 'only "ByteLevel" without a prefix space and with its regular expression is supported');
  }
  if (!isByteLevel(decoder)) fail("decoder", 'only "ByteLevel" is supported');
  if (post !== null && post !== undefined && !isByteLevel(post)) {
    fail("post_processor", 'only "ByteLevel" is supported');
  }
  const vocab = checkVocab(model["vocab"]);
  return {
    vocab,
    merges: checkMerges(model["merges"], vocab),
    ignoreMerges: model["ignore_merges"] === true,
    added: checkAdded(added, vocab),
  };
}

/** Reads the control tokens of a `tokenizer_config.json`. @throws {ConfigError} naming the key */
export function parseControlTokens(text: string, added: readonly AddedToken[]): ControlTokens {
  const config = parseJsonObject(text, "tokenizer_config.json");
  if (config["clean_up_tokenization_spaces"] === true) {
    throw new ConfigError(
      `Cannot read "clean_up_tokenization_spaces" of "tokenizer_config.json": true is not supported`,
    );
  }
  const find = (key: string): AddedToken | undefined => {
    const value = tokenText(config[key]);
    if (value === undefined) return undefined;
    const token = added.find((token) => token.text === value);
    if (token !== undefined) return token;
    throw new ConfigError(`Cannot read "${key}" of "tokenizer_config.json": ${show(value)} is no added token`);
  };
  return { bos: find("bos_token"), eos: find("eos_token"), pad: find("pad_token") };
}

/** The text of a token in a `tokenizer_config.json`, which is a string or an object around one. */
export function tokenText(value: unknown): string | undefined {
  const text = isObject(value) ? value["content"] : value;
  return typeof text === "string" ? text : undefined;
}

function checkVocab(value: unknown): Record<string, number> {
  if (!isObject(value)) fail("model.vocab", "it is not an object");
  const words = new Map<unknown, string>();
  for (const [word, id] of Object.entries(value)) {
    if (!isId(id)) fail("model.vocab", `id ${show(id)} of ${show(word)} is not a whole number below ${maxId}`);
    const other = words.get(id);
    if (other !== undefined) fail("model.vocab", `${show(other)} and ${show(word)} have the same id ${id}`);
    words.set(id, word);
  }
  const missing = byteCharacters.findIndex((character) => !Object.hasOwn(value, character));
  if (missing >= 0) fail("model.vocab", `it lacks byte ${missing}, written ${show(byteCharacters[missing])}`);
  return value as Record<string, number>;
}

function checkMerges(value: unknown, vocab: Readonly<Record<string, number>>): (readonly [string, string])[] {
  if (!Array.isArray(value)) fail("model.merges", "it is not a list");
  return value.map((merge: unknown, i) => {
    const pair: unknown[] = typeof merge === "string" ? merge.split(" ") : Array.isArray(merge) ? merge : [];
    const [first, second] = pair;
    if (pair.length !== 2 || typeof first !== "string" || typeof second !== "string") {
      fail("model.merges", `element ${i} is not a pair of words`);
    }
    const unknown = [first, second, first + second].find((word) => !Object.hasOwn(vocab, word));
    if (unknown !== undefined) {
      fail("model.merges", `element ${i} needs ${show(unknown)}, which is not in the vocabulary`);
    }
    return [first, second] as const;
  });
}

function checkAdded(value: unknown, vocab: Readonly<Record<string, number>>): AddedToken[] {
  if (!Array.isArray(value)) fail("added_tokens", "it is not a list");
  if (value.length > maxAdded) fail("added_tokens", `there are ${value.length}, the limit is ${maxAdded}`);
  const ids = new Map(Object.entries(vocab));
  const words = new Map(Object.entries(vocab).map(([word, id]) => [id, word]));
  const added = new Map<string, AddedToken>();
  value.forEach((entry: unknown, i) => {
    const { id, content: text, special, ...rest } = isObject(entry) ? entry : {};
    if (
      typeof text !== "string" || text === "" || !isId(id) || (special !== undefined && typeof special !== "boolean")
    ) {
      fail("added_tokens", `element ${i} is not a token with id, content and special`);
    }
    const odd = ["single_word", "lstrip", "rstrip"].find((key) => (rest[key] ?? false) !== false);
    if (odd !== undefined) fail("added_tokens", `"${odd}" of ${show(text)} is not supported`);
    const other = words.get(id) ?? text;
    if (other !== text || (ids.get(text) ?? id) !== id || added.has(text)) {
      fail("added_tokens", `${show(text)} with id ${id} contradicts ${show(other)} with id ${ids.get(other) ?? id}`);
    }
    words.set(id, text);
    added.set(text, { id, text, special: special ?? false });
  });
  const odd = Object.keys(vocab).find((word) => !added.has(word) && bytesOfWord(word) === undefined);
  if (odd !== undefined) fail("model.vocab", `${show(odd)} is not written in the byte-level alphabet`);
  return [...added.values()];
}

function isByteLevel(value: unknown): value is JsonObject {
  return isObject(value) && value["type"] === "ByteLevel";
}

function isId(value: unknown): value is number {
  return typeof value === "number" && Number.isInteger(value) && value >= 0 && value < maxId;
}

function fail(key: string, problem: string): never {
  throw new ConfigError(`Cannot read "${key}" of "tokenizer.json": ${problem}`);
}
