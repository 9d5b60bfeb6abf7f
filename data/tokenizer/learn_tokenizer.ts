/**
 * From files to a tokenizer: words, merges, texts of the files.
 *
 * @module
 */
import { ChatTemplate } from "../chat_template.ts";
import { matchAny } from "./match_any.ts";
import type { TokenizerFiles } from "./tokenizer_file.ts";
import { controlTokens, tokenizerTexts, turnsTemplate } from "./tokenizer_texts.ts";
import { trainBpe } from "./train_bpe.ts";
import type { TrainingTexts } from "./training_texts.ts";
import { WordCounts } from "./word_counts.ts";

/** Options of {@link learnTokenizer}. */
export interface LearnTokenizerOptions {
  /** Tokens of the whole vocabulary. */
  readonly vocabularySize: number;
  /** How often a pair has to occur to become a token. Default 1. */
  readonly minFrequency?: number | undefined;
  /** Tokens that are matched before all others, beside the four that control turns and images. Default none. */
  readonly added?: readonly string[] | undefined;
  /** A Jinja program that prints conversations. Default nothing but turns, as both generations have them. */
  readonly chatTemplate?: string | undefined;
}

/** A tokenizer, and what it was learnt from. */
export interface LearntTokenizer extends TokenizerFiles {
  /** Tokens of the vocabulary; fewer than asked for where no pair was frequent enough. */
  readonly vocabulary: number;
  /** Rows it was learnt from. */
  readonly rows: number;
  /** Bytes of them in UTF-8, with what the template prints around turns, added tokens left out. */
  readonly bytes: number;
  /** Tokens that these bytes take. */
  readonly tokens: number;
}

/**
 * Learns a byte-level BPE tokenizer from texts. What the template prints around the turns of a conversation is learnt
 * along, once for each, so that the words it is made of become tokens. The same texts give the same tokenizer.
 *
 * @throws {RangeError} if the vocabulary has no room for what it must have
 * @throws {ConfigError} if the template is no Jinja, or does not print a question and an answer
 *
 * @example
 * ```ts
 * import { learnTokenizer, parseTokenizer } from "../tokenizer.ts";
 *
 * const rows = ["a dog", "一只狗"].map((text) => ({ texts: [text], conversation: false }));
 * const tokenizer = await parseTokenizer(await learnTokenizer(rows, { vocabularySize: 270 }));
 * console.log(tokenizer.decode(tokenizer.encode("一只 dog"))); // 一只 dog
 * ```
 */
export async function learnTokenizer(
  rows: AsyncIterable<TrainingTexts> | Iterable<TrainingTexts>,
  { vocabularySize, minFrequency, added = [], chatTemplate = turnsTemplate }: LearnTokenizerOptions,
): Promise<LearntTokenizer> {
  const all = [...controlTokens, ...added];
  const frame = await frameOf(chatTemplate, all);
  const counts = new WordCounts();
  const seen = { rows: 0, conversations: 0 };
  for await (const { texts, conversation } of rows) {
    for (const text of texts) counts.add(text);
    seen.rows++;
    if (conversation) seen.conversations++;
  }
  for (const text of seen.conversations > 0 ? frame : []) counts.add(text, { times: seen.conversations });
  const words = [...counts.words()];
  const { vocab, merges, tokens } = trainBpe(words, { vocabularySize, minFrequency, added: all });
  return {
    ...tokenizerTexts({ vocab, merges }, { added: all, chatTemplate }),
    vocabulary: vocab.size,
    rows: seen.rows,
    bytes: words.reduce((sum, [word, count]) => sum + word.length * count, 0),
    tokens,
  };
}

/** What a template prints for a question and an answer, but for these two and all added tokens. */
async function frameOf(chatTemplate: string, added: readonly string[]): Promise<string[]> {
  const messages = [{ role: "user", content: "" }, { role: "assistant", content: "" }];
  const template = await ChatTemplate.compile(chatTemplate);
  return template.render(messages).split(matchAny(added)).filter((text) => text !== "");
}
