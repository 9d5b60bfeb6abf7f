/**
 * The tokenizers of the MiniMind family: byte-level BPE from Hugging Face's `tokenizer.json`.
 *
 * @module
 */
import type { Tokenizer } from "../core/tokenizer.ts";
import { createByteLevelBpe } from "./tokenizer/byte_level_bpe.ts";
import { parseControlTokens, parseTokenizerFile, type TokenizerFiles } from "./tokenizer/tokenizer_file.ts";

export { learnTokenizer, type LearnTokenizerOptions, type LearntTokenizer } from "./tokenizer/learn_tokenizer.ts";
export type { TokenizerFiles } from "./tokenizer/tokenizer_file.ts";
export { type TrainingTexts, trainingTexts } from "./tokenizer/training_texts.ts";

/**
 * Makes a tokenizer from the texts of its files. Everything in them is checked first: a file with anything that
 * would change ids and is not byte-level BPE is refused.
 *
 * @throws {ConfigError} naming file and key
 */
export function parseTokenizer({ tokenizer, config }: TokenizerFiles): Tokenizer {
  const spec = parseTokenizerFile(tokenizer);
  return createByteLevelBpe(spec, parseControlTokens(config, spec.added));
}
