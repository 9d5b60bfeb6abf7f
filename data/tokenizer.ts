/**
 * The tokenizers of the MiniMind family: byte-level BPE from Hugging Face's `tokenizer.json`.
 *
 * @module
 */
export { learnTokenizer, type LearnTokenizerOptions, type LearntTokenizer } from "./tokenizer/learn_tokenizer.ts";
export { parseTokenizer } from "./tokenizer/parse_tokenizer.ts";
export type { TokenizerFiles } from "./tokenizer/tokenizer_file.ts";
export { type TrainingTexts, trainingTexts } from "./tokenizer/training_texts.ts";
