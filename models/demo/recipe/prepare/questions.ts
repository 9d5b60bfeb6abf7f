/**
 * Questions for yes or no about photos: for each topic as often yes as no, so that only the photo tells the answer.
 *
 * @module
 */
import { Draws } from "./draws.ts";
import type { Fact } from "./facts.ts";
import type { Photo } from "./pack.ts";
import { presenceQuestions, yesOrNo } from "./phrasings.ts";
import type { Language } from "./row.ts";
import { type Topic, topics } from "./topics.ts";

/** A photo and what its captions say. */
export interface KnownPhoto {
  /** The photo. */
  readonly photo: Photo;
  /** What its captions say of each topic. */
  readonly facts: readonly Fact[];
}

/** Something to ask of a photo. */
export interface Presence {
  /** What is asked for. */
  readonly topic: Topic;
  /** Whether it is there. */
  readonly present: boolean;
}

/** Options of {@link balancedQuestions}. */
export interface BalanceOptions {
  /** Seed of the choice. */
  readonly seed: number;
  /** Most photos of a topic that are asked about with one answer. */
  readonly most: number;
}

/** What to ask of each photo, by its name: of every topic as many photos with it as without. */
export function balancedQuestions(
  photos: readonly KnownPhoto[],
  { seed, most }: BalanceOptions,
): ReadonlyMap<string, readonly Presence[]> {
  const questions = new Map(photos.map(({ photo }) => [photo.id, [] as Presence[]]));
  for (const [i, topic] of topics.entries()) {
    const draws = new Draws(seed, `questions ${topic.id}`);
    const known = (present: boolean) => draws.shuffle(photos.filter(({ facts }) => facts[i]!.present === present));
    const [with_, without] = [known(true), contraryFirst(known(false), topic)];
    const count = Math.min(with_.length, without.length, most);
    for (const { photo } of with_.slice(0, count)) questions.get(photo.id)!.push({ topic, present: true });
    for (const { photo } of without.slice(0, count)) questions.get(photo.id)!.push({ topic, present: false });
  }
  return questions;
}

/** Every other photo one with the contrary, as far as there are such: no man but a woman is harder than a dog. */
function contraryFirst(photos: readonly KnownPhoto[], { contrary }: Topic): KnownPhoto[] {
  const shows = ({ facts }: KnownPhoto) =>
    facts.some(({ topic, present }) => topic.id === contrary && present === true);
  const [hard, easy] = [photos.filter(shows), photos.filter((photo) => !shows(photo))];
  const pairs = Math.min(hard.length, easy.length);
  const mixed = easy.slice(0, pairs).flatMap((photo, i) => [hard[i]!, photo]);
  return [...mixed, ...easy.slice(pairs), ...hard.slice(pairs)];
}

/** A question for yes or no and its answer; without draws in the words that evaluation uses. */
export function askPresence({ topic, present }: Presence, language: Language, draws?: Draws): {
  readonly question: string;
  readonly answer: string;
} {
  const list = presenceQuestions(topic, language);
  const { yes, no } = yesOrNo[language];
  return { question: draws === undefined ? list[0]! : draws.pick(list), answer: present ? yes : no };
}
