/**
 * All metrics of captions at once.
 *
 * @module
 */
import { corpusBleu } from "./bleu.ts";
import { ciderD } from "./cider.ts";
import { rougeL } from "./rouge.ts";
import type { CaptionWords } from "./words.ts";

/** Metrics as they are reported: all times 100. */
export interface CaptionScores {
  /** BLEU-1 to BLEU-4, from 0 to 100. */
  readonly bleu: readonly [number, number, number, number];
  /** ROUGE-L, from 0 to 100. */
  readonly rougeL: number;
  /** CIDEr-D, from 0 to 1000. */
  readonly ciderD: number;
}

/**
 * Scores captions.
 *
 * @throws {RangeError} if there are none, or one has no reference
 */
export function scoreCaptions(captions: readonly CaptionWords[]): CaptionScores {
  const bare = captions.findIndex(({ references }) => references.length === 0);
  if (captions.length === 0) throw new RangeError("Cannot score captions: there are none");
  if (bare >= 0) throw new RangeError(`Cannot score captions: caption ${bare} has no reference`);
  const [one, two, three, four] = corpusBleu(captions);
  return {
    bleu: [100 * one, 100 * two, 100 * three, 100 * four],
    rougeL: 100 * rougeL(captions),
    ciderD: 100 * ciderD(captions),
  };
}
