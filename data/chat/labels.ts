/**
 * Where the answers of a conversation are: what a model is to learn of it.
 *
 * @module
 */
import type { Span } from "./span.ts";

/**
 * How a generation of upstream's data sets tells where an answer is.
 *
 * - `newline` (minimind-3v): from after `<|im_start|>assistant` and a newline, through `<|im_end|>` and a newline. White
 *   space at the start of an answer may become one token with the newline; then the answer has no labels.
 * - `token` (MiniMind2-V): the same, with any one token in the place of each newline.
 */
export type LabelRule = "newline" | "token";

/** Ids that stand before and after answers. */
export interface AnswerBounds {
  /** What comes before an answer, without the token that may be any. */
  readonly header: ArrayLike<number>;
  /** What ends it, likewise. */
  readonly end: ArrayLike<number>;
  /** How answers are told. */
  readonly rule: LabelRule;
}

/** Finds answers in ids as upstream does, whoever wrote what looks like the bounds of one. */
export function findAnswers(ids: Int32Array, { header, end, rule }: AnswerBounds): Span[] {
  const any = rule === "token" ? 1 : 0;
  const answers: Span[] = [];
  for (let i = 0; i < ids.length;) {
    if (!standsAt(ids, i, header)) {
      i++;
      continue;
    }
    const start = i + header.length;
    let stop = start;
    while (stop < ids.length && !standsAt(ids, stop, end)) stop++;
    i = stop + end.length;
    const length = Math.min(i + any, ids.length) - (start + any);
    if (length > 0) answers.push({ start: start + any, length });
  }
  return answers;
}

function standsAt(ids: Int32Array, place: number, wanted: ArrayLike<number>): boolean {
  for (let i = 0; i < wanted.length; i++) if (ids[place + i] !== wanted[i]) return false;
  return true;
}
