/**
 * Rows in the form of upstream's data sets.
 *
 * @module
 */

/** A language that the model speaks. */
export type Language = "en" | "zh";

/** All of them. */
export const languages: readonly Language[] = ["en", "zh"];

/** What a row teaches. */
export type Kind = "caption" | "question" | "list" | "follow-up" | "name" | "name-question";

/** A question and its answer. */
export interface Turn {
  /** What is asked. */
  readonly question: string;
  /** What is answered. */
  readonly answer: string;
}

/** A row before it is written. */
export interface RecipeRow {
  /** What it teaches. */
  readonly kind: Kind;
  /** Language of its first answer. */
  readonly language: Language;
  /** Image file within the folder of images. */
  readonly image: string;
  /** What is said. */
  readonly turns: readonly Turn[];
  /** Whether the image is after the first question, as some clients send it. Default false: before it. */
  readonly imageLast?: boolean;
}

/** A row as a line of upstream's jsonl. The newline between image and question is what a chat has there too. */
export function rowLine({ image, turns, imageLast = false }: RecipeRow): string {
  const first = (question: string) => imageLast ? `${question}\n<image>` : `<image>\n${question}`;
  const conversations = turns.flatMap(({ question, answer }, i) => [
    { role: "user", content: i === 0 ? first(question) : question },
    { role: "assistant", content: answer },
  ]);
  return JSON.stringify({ image, conversations });
}
