/**
 * Captions scored against what people wrote, beside their own images and beside other ones.
 *
 * @module
 */
import { type CaptionLanguage, type CaptionScores, captionWords, scoreCaptions } from "../../data/metrics/mod.ts";
import { exchange } from "./exchange.ts";
import type { EvalRecord } from "./records.ts";

/** What became of the captions of one language. */
export interface CaptionResult {
  /** How many there are. */
  readonly records: number;
  /** Different captions among them. */
  readonly distinct: number;
  /** Words of a caption, or characters, in the mean. */
  readonly meanLength: number;
  /** Against the references of their own images. */
  readonly scores: CaptionScores;
  /** Each against the references of another image; absent where there is no other. */
  readonly exchanged?: CaptionScores | undefined;
  /** What the own images are worth: the one less the other. */
  readonly difference?: CaptionScores | undefined;
}

/** Scores the captions of each language. */
export function scoreByLanguage(
  records: readonly EvalRecord[],
  texts: readonly string[],
): Map<CaptionLanguage, CaptionResult> {
  const places = Map.groupBy(records.keys(), (index) => records[index]!.language);
  return new Map(
    [...places].sort(([a], [b]) => a < b ? -1 : 1).map(([language, indices]) => {
      const own = indices.map((index) => records[index]!);
      return [language, score(own, { language, texts: indices.map((index) => texts[index]!) })];
    }),
  );
}

function score(
  records: readonly EvalRecord[],
  { language, texts }: { readonly language: CaptionLanguage; readonly texts: readonly string[] },
): CaptionResult {
  const candidates = texts.map((text) => captionWords(text, language));
  const references = records.map(({ references }) => references.map((text) => captionWords(text, language)));
  const scores = scoreCaptions(candidates.map((candidate, i) => ({ candidate, references: references[i]! })));
  const result = {
    records: records.length,
    distinct: new Set(candidates.map((words) => words.join("\n"))).size,
    meanLength: candidates.reduce((sum, { length }) => sum + length, 0) / candidates.length,
    scores,
  };
  const others = exchange(records);
  if (others.includes(-1)) return result;
  const exchanged = scoreCaptions(
    candidates.map((candidate, i) => ({ candidate, references: references[others[i]!]! })),
  );
  return { ...result, exchanged, difference: subtract(scores, exchanged) };
}

function subtract(a: CaptionScores, b: CaptionScores): CaptionScores {
  const [one, two, three, four] = a.bleu.map((score, i) => score - b.bleu[i]!) as [number, number, number, number];
  return { bleu: [one, two, three, four], rougeL: a.rougeL - b.rougeL, ciderD: a.ciderD - b.ciderD };
}
