/**
 * Metrics of what models say about images: BLEU, ROUGE-L and CIDEr-D of captions, yes or no of answers.
 *
 * @module
 */
export { type BleuScores, corpusBleu } from "./bleu.ts";
export { type CaptionScores, scoreCaptions } from "./caption_scores.ts";
export { ciderD } from "./cider.ts";
export { rougeL } from "./rouge.ts";
export { type CaptionLanguage, captionLanguage, type CaptionWords, captionWords } from "./words.ts";
export { readYesNo, type YesNo } from "./yes_no.ts";
