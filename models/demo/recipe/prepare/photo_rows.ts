/**
 * The rows of a photo of Flickr8k: captions, questions, lists and follow-ups in both languages. They follow each other,
 * so that a trainer that packs rows behind one image can do so.
 *
 * @module
 */
import { captionsOf } from "./caption_text.ts";
import { Draws } from "./draws.ts";
import type { Fact } from "./facts.ts";
import { captionRequests, listRequests, nextRequests, pickRequest, typed } from "./phrasings.ts";
import type { Photo } from "./pack.ts";
import { askPresence, type KnownPhoto, type Presence } from "./questions.ts";
import { type Language, languages, type RecipeRow, type Turn } from "./row.ts";
import { subjectQuestion } from "./subject.ts";

/** Options of {@link photoRows}. */
export interface PhotoRowOptions {
  /** Seed of all choices. */
  readonly seed: number;
  /** The photo's file in the folder of images. */
  readonly image: string;
  /** What is asked of it. */
  readonly questions: readonly Presence[];
}

/** All rows of a photo. */
export function photoRows({ photo, facts }: KnownPhoto, { seed, image, questions }: PhotoRowOptions): RecipeRow[] {
  return languages.flatMap((language): RecipeRow[] => {
    const draws = new Draws(seed, `${photo.id} ${language}`);
    const captions = captionsOf(photo, language);
    const row = (kind: RecipeRow["kind"], ...turns: Turn[]): RecipeRow => ({ kind, language, image, turns });
    const list = thingsIn(facts, language);
    return [
      ...captions.map((caption) => row("caption", askCaption(caption, language, draws))),
      ...questions.map((question) => row("question", askPresence(question, language, draws))),
      ...list === undefined ? [] : [row("list", { question: draws.pick(listRequests[language]), answer: list })],
      row("follow-up", ...followUp({ language, captions, questions, draws, list, photo })),
    ];
  });
}

function askCaption(caption: string, language: Language, draws: Draws): Turn {
  const subject = draws.chance(0.2) ? subjectQuestion(caption, language) : undefined;
  const request = subject ?? pickRequest(captionRequests[language], draws, 0.4);
  return { question: typed(request, draws), answer: caption };
}

/** What to talk about. */
interface Talk {
  readonly photo: Photo;
  readonly language: Language;
  readonly captions: readonly string[];
  readonly questions: readonly Presence[];
  readonly list: string | undefined;
  readonly draws: Draws;
}

/** Two turns, now and then the second one in the other language: each answer is in the language of its question. */
function followUp({ photo, language, captions, questions, list, draws }: Talk): Turn[] {
  const other = draws.chance(0.15) ? languages.find((each) => each !== language)! : language;
  const caption = (spoken: Language, requests: typeof captionRequests): Turn => ({
    question: draws.pick(requests[spoken]),
    answer: draws.pick(spoken === language ? captions : captionsOf(photo, spoken)),
  });
  const talks: Turn[][] = [[caption(language, captionRequests), caption(other, nextRequests)]];
  if (list !== undefined) {
    talks.push([{ question: draws.pick(listRequests[language]), answer: list }, caption(other, nextRequests)]);
  }
  if (questions.length > 0) {
    const question = draws.pick(questions);
    talks.push(
      [caption(language, captionRequests), askPresence(question, other, draws)],
      [askPresence(question, language, draws), caption(other, nextRequests)],
    );
  }
  return draws.pick(talks);
}

/** Topics that say less than another one that is in the list too. */
const vague: Readonly<Record<string, readonly string[]>> = {
  person: ["man", "woman", "boy", "girl", "child"],
  child: ["boy", "girl"],
  water: ["beach"],
};

/** The things that captions agree on, the most mentioned first: `A dog, a ball and grass.`; undefined for none. */
function thingsIn(facts: readonly Fact[], language: Language): string | undefined {
  const there = facts.filter(({ present }) => present === true);
  const plain = there.filter(({ topic }) => !vague[topic.id]?.some((id) => there.some((fact) => fact.topic.id === id)));
  const names = plain.toSorted((a, b) => b.mentions - a.mentions).slice(0, 4).map(({ topic }) => topic[language].name);
  if (names.length === 0) return undefined;
  if (language === "zh") return `${joined(names, "、", "和")}。`;
  const text = joined(names, ", ", " and ");
  return `${text[0]!.toUpperCase()}${text.slice(1)}.`;
}

function joined(names: readonly string[], comma: string, and: string): string {
  return names.length === 1 ? names[0]! : `${names.slice(0, -1).join(comma)}${and}${names.at(-1)}`;
}
