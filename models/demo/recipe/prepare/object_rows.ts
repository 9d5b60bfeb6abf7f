/**
 * The rows of a photo of Tiny-ImageNet: the name of the one thing in it, and whether it is this or that.
 *
 * @module
 */
import { Draws } from "./draws.ts";
import type { ObjectClass } from "./pack.ts";
import { nameQuestions, typed } from "./phrasings.ts";
import { languages, type RecipeRow } from "./row.ts";

/** Options of {@link objectRows}. */
export interface ObjectRowOptions {
  /** Seed of all choices. */
  readonly seed: number;
  /** The photo's file in the folder of images. */
  readonly image: string;
  /** All classes. */
  readonly classes: readonly ObjectClass[];
  /** Whether it is asked for its own name, so that the answer is yes, or for that of another class. */
  readonly own: boolean;
}

/** Names without an article: more than one thing, or a mass. */
const bare = /^(guacamole|espresso|sunglasses|binoculars|ice cream|brain coral)$/;

/** All rows of a photo. */
export function objectRows(shown: ObjectClass, { seed, image, classes, own }: ObjectRowOptions): RecipeRow[] {
  const draws = new Draws(seed, image);
  const asked = own ? shown : draws.pick(classes.filter(({ label }) => label !== shown.label));
  return languages.flatMap((language): RecipeRow[] => {
    const [name, other] = language === "zh" ? [shown.zh, asked.zh] : [withArticle(shown.en), withArticle(asked.en)];
    const answer = language === "zh" ? `${name}。` : `${name[0]!.toUpperCase()}${name.slice(1)}.`;
    const [question, yes, no] = language === "zh"
      ? [`这是${other}吗？`, "是的。", "不是。"]
      : [`${/s$/.test(other) && bare.test(other) ? "Are these" : "Is this"} ${other}?`, "Yes.", "No."];
    return [
      {
        kind: "name",
        language,
        image,
        turns: [{ question: typed(draws.pick(nameQuestions[language]), draws), answer }],
      },
      { kind: "name-question", language, image, turns: [{ question, answer: own ? yes : no }] },
    ];
  });
}

function withArticle(name: string): string {
  if (bare.test(name)) return name;
  return /^[aeiou]/i.test(name) ? `an ${name}` : `a ${name}`;
}
