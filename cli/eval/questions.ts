/**
 * Answers to yes-or-no questions against always giving the one that is right more often.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";
import { type CaptionLanguage, readYesNo, type YesNo } from "../../data/metrics/mod.ts";
import type { EvalRecord } from "./records.ts";

/** How many answers are right, in percent. */
export interface Accuracy {
  /** Of the model's answers. */
  readonly accuracy: number;
  /** Of the answer that is right more often, given each time. */
  readonly majority: number;
  /** What the model is better by. */
  readonly difference: number;
}

/** What became of some questions. */
export interface GroupResult extends Accuracy {
  /** How many there are. */
  readonly records: number;
}

/** What became of the questions of one language. */
export interface QuestionResult extends GroupResult {
  /** Answers that say yes, in percent. */
  readonly yes: number;
  /** Answers that say neither yes nor no, in percent; they are wrong. */
  readonly neither: number;
  /** By group, where the lines have one. */
  readonly groups: { readonly [group: string]: GroupResult };
  /** The mean over the groups, each counted alike; absent without groups. */
  readonly average?: Accuracy | undefined;
}

/**
 * The right answer of each question.
 *
 * @throws {ConfigError} naming a line whose references are neither yes nor no, or both
 */
export function rightAnswers(records: readonly EvalRecord[], { file }: { readonly file: string }): YesNo[] {
  return records.map(({ line, references }) => {
    const [answer, ...others] = new Set(references.map(readYesNo));
    if (answer !== undefined && others.length === 0) return answer;
    throw new ConfigError(`Cannot read "${file}": the references of line ${line} do not say yes or no`);
  });
}

/** Scores the answers of each language. */
export function scoreQuestions(
  records: readonly EvalRecord[],
  { right, texts }: { readonly right: readonly YesNo[]; readonly texts: readonly string[] },
): Map<CaptionLanguage, QuestionResult> {
  const answers = records.map(({ language, group }, i): Answered => {
    return { language, group, right: right[i]!, given: readYesNo(texts[i]!) };
  });
  const byLanguage = Map.groupBy(answers, ({ language }) => language);
  return new Map([...byLanguage].sort(([a], [b]) => a < b ? -1 : 1).map(([language, own]) => [language, score(own)]));
}

interface Answered {
  readonly language: CaptionLanguage;
  readonly group: string | undefined;
  readonly right: YesNo;
  readonly given: YesNo | undefined;
}

function score(answers: readonly Answered[]): QuestionResult {
  const grouped = Map.groupBy(answers.filter(({ group }) => group !== undefined), ({ group }) => group!);
  const groups = [...grouped].map(([group, own]) => [group, measure(own)] as const);
  const mean = (of: (result: Accuracy) => number) => {
    return groups.reduce((sum, [, result]) => sum + of(result), 0) / groups.length;
  };
  return {
    ...measure(answers),
    yes: percent(answers, ({ given }) => given === "yes"),
    neither: percent(answers, ({ given }) => given === undefined),
    groups: Object.fromEntries(groups),
    average: groups.length === 0 ? undefined : {
      accuracy: mean(({ accuracy }) => accuracy),
      majority: mean(({ majority }) => majority),
      difference: mean(({ difference }) => difference),
    },
  };
}

function measure(answers: readonly Answered[]): GroupResult {
  const accuracy = percent(answers, ({ right, given }) => given === right);
  const yes = percent(answers, ({ right }) => right === "yes");
  const majority = Math.max(yes, 100 - yes);
  return { records: answers.length, accuracy, majority, difference: accuracy - majority };
}

function percent(answers: readonly Answered[], fits: (answer: Answered) => boolean): number {
  return 100 * answers.filter(fits).length / answers.length;
}
