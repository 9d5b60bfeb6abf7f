/**
 * What a set of rows holds, for people.
 *
 * @module
 */
import { languages, type RecipeRow } from "./row.ts";

/** A table of rows: how many of each kind and language, and how long answers are. */
export function describeRows(rows: readonly RecipeRow[]): string[] {
  const kinds = [...new Set(rows.map(({ kind }) => kind))];
  const images = new Set(rows.map(({ image }) => image)).size;
  const lines = kinds.map((kind) => {
    const cells = languages.map((language) => {
      const own = rows.filter((row) => row.kind === kind && row.language === language);
      const answers = own.flatMap(({ turns }) => turns.map(({ answer }) => answer));
      const length = (text: string) => language === "zh" ? [...text].length : text.split(" ").length;
      const mean = answers.reduce((sum, answer) => sum + length(answer), 0) / Math.max(1, answers.length);
      const unit = language === "zh" ? "characters" : "words";
      return `${language} ${own.length} rows, ${new Set(answers).size} answers of ${mean.toFixed(1)} ${unit}`;
    });
    return `  ${kind.padEnd(14)}${cells.join("; ")}`;
  });
  return [`${rows.length} rows about ${images} images`, ...lines];
}
