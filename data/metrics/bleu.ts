/**
 * BLEU of a whole corpus (Papineni et al. 2002).
 *
 * @module
 */
import { countNgrams } from "./ngrams.ts";
import type { CaptionWords } from "./words.ts";

/** BLEU-1 to BLEU-4, each from 0 to 1. */
export type BleuScores = readonly [number, number, number, number];

/**
 * BLEU-1 … BLEU-4 over all captions together: the geometric mean of the shares of n-grams that some reference has, each
 * counted as often as in the reference that has most of it, times exp(1 − r/c) where the captions, c words in all, are
 * shorter than r. Of each caption's references r counts the one closest in length, the shorter of two. Without smoothing:
 * a corpus with no n-gram right scores 0.
 */
export function corpusBleu(captions: readonly CaptionWords[]): BleuScores {
  const right = [0, 0, 0, 0], all = [0, 0, 0, 0];
  let written = 0, wanted = 0;
  for (const { candidate, references } of captions) {
    written += candidate.length;
    wanted += closestLength(candidate.length, references.map(({ length }) => length));
    for (let n = 1; n <= 4; n++) {
      all[n - 1]! += Math.max(0, candidate.length - n + 1);
      right[n - 1]! += countRight({ candidate, references }, n);
    }
  }
  const brevity = written >= wanted ? 1 : Math.exp(1 - wanted / written); // 0 when nothing was written
  let logs = 0;
  return right.map((count, i) => {
    logs += Math.log(count / all[i]!);
    return count === 0 ? 0 : brevity * Math.exp(logs / (i + 1));
  }) as unknown as BleuScores;
}

function closestLength(length: number, lengths: readonly number[]): number {
  return lengths.reduce((best, other) => {
    const [near, far] = [Math.abs(other - length), Math.abs(best - length)];
    return near < far || (near === far && other < best) ? other : best;
  });
}

/** N-grams of a caption that references have, each at most as often as one of them has it. */
function countRight({ candidate, references }: CaptionWords, n: number): number {
  const counts = references.map((reference) => countNgrams(reference, n));
  let right = 0;
  for (const [ngram, count] of countNgrams(candidate, n)) {
    right += Math.min(count, Math.max(...counts.map((of) => of.get(ngram) ?? 0)));
  }
  return right;
}
