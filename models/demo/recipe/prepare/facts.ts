/**
 * What captions agree on: a thing is there when several speak of it, and not there when none does.
 *
 * @module
 */
import type { Photo } from "./pack.ts";
import { languages } from "./row.ts";
import type { Language } from "./row.ts";
import { many, type Topic, topics } from "./topics.ts";

/** What the captions of a photo say of a topic. */
export interface Fact {
  /** The topic. */
  readonly topic: Topic;
  /** How many of the ten captions speak of it. */
  readonly mentions: number;
  /** Whether it is there; undefined where too few say so, or somebody leaves it open. */
  readonly present: boolean | undefined;
}

/** Captions that must speak of a thing before it counts as there. */
const several = 3;

/** What the captions of a photo say of every topic, in the order of the topics. */
export function factsOf(photo: Photo): Fact[] {
  const count = (pattern: (language: Language) => RegExp | undefined) =>
    languages.reduce((sum, language) => {
      const words = pattern(language);
      return sum + photo[language].filter((caption) => words?.test(caption)).length;
    }, 0);
  const mentions = new Map(topics.map((topic) => [topic.id, count((language) => topic[language].says)]));
  return topics.map((topic) => {
    const own = mentions.get(topic.id)!;
    const otherwise = topic.contrary !== undefined && mentions.get(topic.contrary)! >= several;
    const open = own > 0 || count((language) => otherwise ? many[language] : topic[language].unclear) > 0;
    return { topic, mentions: own, present: own >= several ? true : open ? undefined : false };
  });
}
