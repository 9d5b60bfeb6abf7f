/**
 * CIDEr-D (Vedantam et al. 2015).
 *
 * @module
 */
import { countNgrams } from "./ngrams.ts";
import type { CaptionWords } from "./words.ts";

/** Longest n-grams. */
const longest = 4;
/** Standard deviation of the penalty on differing lengths, in words. */
const sigma = 6;

/** n-grams of one length with their weights, and the length of that vector. */
interface Vector {
  readonly weights: ReadonlyMap<string, number>;
  readonly norm: number;
}

/** A sentence: a vector for each n, and its length as the number of pairs of words. */
interface Sentence {
  readonly vectors: readonly Vector[];
  readonly length: number;
}

/**
 * Mean over the captions of ten times the likeness to their references: the cosine between counts of n-grams weighted by
 * how rare they are among the images' references, counts of the caption clipped to the reference's, times a Gaussian
 * of the difference in length; the mean over n from 1 to 4 and over references. From 0 to 10, and 0 for a single
 * caption, for what is in every image's references weighs nothing.
 */
export function ciderD(captions: readonly CaptionWords[]): number {
  const images = new Map<string, number>();
  for (const { references } of captions) {
    const ngrams = references.flatMap((words) => lengths.flatMap((n) => [...countNgrams(words, n).keys()]));
    for (const ngram of new Set(ngrams)) images.set(ngram, (images.get(ngram) ?? 0) + 1);
  }
  const rarity = (ngram: string) => Math.log(captions.length / Math.max(1, images.get(ngram) ?? 0));
  const weigh = (words: readonly string[]): Sentence => ({
    vectors: lengths.map((n) => weighNgrams(countNgrams(words, n), rarity)),
    length: Math.max(0, words.length - 1),
  });
  const scores = captions.map(({ candidate, references }) => {
    const own = weigh(candidate);
    return references.reduce((sum, words) => sum + likeness(own, weigh(words)), 0) / references.length;
  });
  return 10 * scores.reduce((sum, score) => sum + score, 0) / captions.length;
}

const lengths = Array.from({ length: longest }, (_, i) => i + 1);

function weighNgrams(counts: ReadonlyMap<string, number>, rarity: (ngram: string) => number): Vector {
  const weights = new Map([...counts].map(([ngram, count]) => [ngram, count * rarity(ngram)]));
  return { weights, norm: Math.sqrt([...weights.values()].reduce((sum, weight) => sum + weight ** 2, 0)) };
}

function likeness(candidate: Sentence, reference: Sentence): number {
  const penalty = Math.exp(-((candidate.length - reference.length) ** 2) / (2 * sigma ** 2));
  const sum = candidate.vectors.reduce((sum, { weights, norm }, i) => {
    const other = reference.vectors[i]!;
    if (norm === 0 || other.norm === 0) return sum;
    let product = 0;
    for (const [ngram, weight] of weights) {
      const wanted = other.weights.get(ngram) ?? 0;
      product += Math.min(weight, wanted) * wanted;
    }
    return sum + product / (norm * other.norm);
  }, 0);
  return penalty * sum / longest;
}
