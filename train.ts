/**
 * Training: data sets, what is learnt of them, steps of an optimiser, and metrics of what was learnt.
 *
 * `minimind train` is made of these parts; a program of one's own puts them together in its own way.
 *
 * @module
 */
export * from "./data/chat/mod.ts";
export * from "./data/datasets/mod.ts";
export * from "./data/metrics/mod.ts";
export { learnTokenizer, type LearnTokenizerOptions, type LearntTokenizer } from "./data/tokenizer/learn_tokenizer.ts";
export type { TokenizerFiles } from "./data/tokenizer/tokenizer_file.ts";
export { type TrainingTexts, trainingTexts } from "./data/tokenizer/training_texts.ts";

export * from "./trainers/freeze.ts";
export * from "./trainers/lora.ts";
export * from "./trainers/optimiser.ts";
export * from "./trainers/schedule.ts";
export * from "./trainers/train_step.ts";
