/**
 * The result of an evaluation as a text.
 *
 * @module
 */
import type { CaptionScores } from "../../data/metrics/mod.ts";
import { grouped, table } from "../format.ts";
import type { EvalSpeed } from "./answer_all.ts";
import type { CaptionResult } from "./captions.ts";
import type { ImageScore } from "./image_score.ts";
import type { Accuracy, QuestionResult } from "./questions.ts";

/** Scores by language. */
export type ByLanguage<Result> = ReadonlyMap<string, Result>;

/** Captions: a table for each language. */
export function captionText(results: ByLanguage<CaptionResult>): string {
  const header = ["", "BLEU-1", "BLEU-2", "BLEU-3", "BLEU-4", "ROUGE-L", "CIDEr-D"];
  const row = (name: string, { bleu, rougeL, ciderD }: CaptionScores) => [
    name,
    ...[...bleu, rougeL, ciderD].map((score) => score.toFixed(1)),
  ];
  return [...results].map(([language, { records, distinct, meanLength, scores, exchanged, difference }]) => {
    const rows = [header, row("own images", scores)];
    if (exchanged !== undefined) rows.push(row("exchanged", exchanged));
    if (difference !== undefined) rows.push(row("difference", difference));
    const unit = language === "zh" ? "characters" : "words";
    const about = `${grouped(records)} captions, ${grouped(distinct)} different ones, ${
      meanLength.toFixed(1)
    } ${unit} each`;
    return `${language}: ${about}\n${table(rows, { right: [1, 2, 3, 4, 5, 6] })}`;
  }).join("\n\n");
}

/** Questions: a table for each language, a row for each group. */
export function questionText(results: ByLanguage<QuestionResult>): string {
  const header = ["", "questions", "right", "majority", "difference"];
  const cells = ({ accuracy, majority, difference }: Accuracy) => {
    return [
      `${accuracy.toFixed(1)} %`,
      `${majority.toFixed(1)} %`,
      `${difference >= 0 ? "+" : ""}${difference.toFixed(1)}`,
    ];
  };
  return [...results].map(([language, result]) => {
    const rows = [header];
    for (const [group, own] of Object.entries(result.groups)) rows.push([group, grouped(own.records), ...cells(own)]);
    if (result.average !== undefined) rows.push(["mean of groups", "", ...cells(result.average)]);
    rows.push(["all", grouped(result.records), ...cells(result)]);
    const said = `${result.yes.toFixed(1)} % answered yes, ${result.neither.toFixed(1)} % neither yes nor no`;
    return `${language}: ${said}\n${table(rows, { right: [1, 2, 3, 4] })}`;
  }).join("\n\n");
}

/** A line for each language whose loss was measured. */
export function imageScoreText(scores: ByLanguage<ImageScore | undefined>): string {
  const line = ([language, score]: [string, ImageScore | undefined]) => {
    if (score === undefined) return `${language}: no other image to exchange with`;
    const { records, loss, exchanged, rise } = score;
    return `${language}: loss ${loss.toFixed(4)}, with exchanged images ${exchanged.toFixed(4)}, a rise of ${
      rise.toFixed(4)
    } over ${grouped(records)} answers`;
  };
  return [...scores].map(line).join("\n");
}

/** How fast answers came. */
export function speedText({ seconds, imagesPerSecond, answersPerSecond, tokensPerSecond }: EvalSpeed): string {
  const rate = (value: number, unit: string) => `${value.toFixed(value < 10 ? 1 : 0)} ${unit}/s`;
  return `${seconds.toFixed(1)} s: ${rate(imagesPerSecond, "images")}, ${rate(answersPerSecond, "answers")}, ${
    rate(tokensPerSecond, "tokens")
  }`;
}
