/**
 * Who a caption is about, to ask what he or she does.
 *
 * @module
 */
import type { Language } from "./row.ts";

const english =
  /^(A|An|The|Two|Three|Four|Several|Some)(?: [a-z-]+){0,3}? (dog|man|woman|boy|girl|child|baby|person|dogs|men|women|boys|girls|children|kids|people)\b (?:is |are )?\w+(?:ing|s)\b/;
const chinese = /(狗狗|狗|男孩|女孩|孩子|小孩|男人|女人|男子|女子|人们|人)(?:正)?在/;

/** The question what the subject of a caption does, which the caption answers; undefined where it has none. */
export function subjectQuestion(caption: string, language: Language): string | undefined {
  if (language === "zh") {
    const subject = chinese.exec(caption)?.[1];
    return subject === undefined ? undefined : `${subject}在做什么？`;
  }
  const [, , subject] = english.exec(caption) ?? [];
  if (subject === undefined) return undefined;
  const plural = /^(dogs|men|women|boys|girls|children|kids|people)$/.test(subject);
  return `What ${plural ? "are" : "is"} the ${subject} doing?`;
}
