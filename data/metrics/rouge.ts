/**
 * ROUGE-L (Lin 2004) as it is used for captions.
 *
 * @module
 */
import type { CaptionWords } from "./words.ts";

/** Weight of recall against precision, squared; the COCO caption evaluation's. */
const betaSquared = 1.2 ** 2;

/**
 * Mean over the captions of the F-measure, β = 1.2, of two shares of the longest common subsequence with a reference:
 * its best share of the caption and its best share of a reference. From 0 to 1.
 */
export function rougeL(captions: readonly CaptionWords[]): number {
  return captions.reduce((sum, caption) => sum + measure(caption), 0) / captions.length;
}

function measure({ candidate, references }: CaptionWords): number {
  let precision = 0, recall = 0;
  for (const reference of references) {
    const common = commonLength(candidate, reference);
    if (common === 0) continue;
    precision = Math.max(precision, common / candidate.length);
    recall = Math.max(recall, common / reference.length);
  }
  return precision === 0 ? 0 : (1 + betaSquared) * precision * recall / (recall + betaSquared * precision);
}

/** Length of the longest common subsequence. */
function commonLength(a: readonly string[], b: readonly string[]): number {
  let row = new Array<number>(b.length + 1).fill(0);
  for (const word of a) {
    const next = [0];
    for (let j = 0; j < b.length; j++) {
      next.push(word === b[j] ? row[j]! + 1 : Math.max(row[j + 1]!, next[j]!));
    }
    row = next;
  }
  return row[b.length]!;
}
