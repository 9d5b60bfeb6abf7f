/**
 * What the model is evaluated on: captions and questions for yes or no about photos that it never learns from.
 *
 * @module
 */
import { captionsOf } from "./caption_text.ts";
import { captionRequests } from "./phrasings.ts";
import { askPresence, type KnownPhoto, type Presence } from "./questions.ts";
import { type Language, languages } from "./row.ts";

/** A line of an evaluation file. */
export interface EvaluationRow {
  /** Image file within the folder of images. */
  readonly image: string;
  /** What is asked. */
  readonly prompt: string;
  /** Good answers. */
  readonly references: readonly string[];
  /** Language of both. */
  readonly language: Language;
  /** Of questions, what is asked for. */
  readonly group?: string;
}

/** One line for each photo and language: the first caption request and all captions. */
export function captionEvaluation({ photo }: KnownPhoto, image: string): EvaluationRow[] {
  return languages.map((language) => {
    return { image, prompt: captionRequests[language][0]!, references: captionsOf(photo, language), language };
  });
}

/** Lines for what is asked of a photo, in each language. */
export function questionEvaluation(questions: readonly Presence[], image: string): EvaluationRow[] {
  return questions.flatMap((presence) =>
    languages.map((language): EvaluationRow => {
      const { question, answer } = askPresence(presence, language);
      return { image, prompt: question, references: [answer], language, group: presence.topic.id };
    })
  );
}
