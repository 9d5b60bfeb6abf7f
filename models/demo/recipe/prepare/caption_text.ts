/**
 * Captions as people write them: the data set has a space before each sign, and not every first letter is a capital.
 *
 * @module
 */
import type { Photo } from "./pack.ts";
import type { Language } from "./row.ts";

/** `a dog 's ball , and a cat` → `A dog's ball, and a cat.` */
export function tidyEnglish(caption: string): string {
  const text = caption.trim()
    .replace(/\s+/g, " ")
    .replace(/" ([^"]*) "/g, '"$1"')
    .replace(/ ([.,;:!?)])/g, "$1")
    .replace(/\( /g, "(")
    .replace(/ ('(?:s|t|re|ve|ll|d|m)\b)/gi, "$1")
    .replace(/ n't\b/g, "n't")
    .replace(/[,;:-]+\.?$/, "");
  const first = text[0]!.toUpperCase() + text.slice(1);
  return /[.!?]"?$/.test(first) ? first : `${first}.`;
}

/** The captions of a photo in one language. */
export function captionsOf(photo: Photo, language: Language): string[] {
  return language === "en" ? photo.en.map(tidyEnglish) : photo.zh.map((caption) => caption.trim());
}
