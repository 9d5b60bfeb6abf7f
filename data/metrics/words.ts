/**
 * Captions as metrics compare them: words of English, characters of Chinese, no punctuation.
 *
 * @module
 */

/** How a caption is cut: `zh` by character, everything else by word. */
export type CaptionLanguage = "en" | "zh";

/** A caption and what people wrote about the same image, cut into words. */
export interface CaptionWords {
  /** The caption that is judged. */
  readonly candidate: readonly string[];
  /** At least one reference. */
  readonly references: readonly (readonly string[])[];
}

/**
 * Cuts a text: lower case, Unicode-normalised; runs of letters and digits are words, in Chinese each letter and digit is
 * one. Punctuation, symbols and white space only separate.
 */
export function captionWords(text: string, language: CaptionLanguage): string[] {
  const plain = text.normalize("NFKC").toLowerCase();
  return plain.match(language === "zh" ? /[\p{L}\p{N}]\p{M}*/gu : /[\p{L}\p{N}\p{M}]+/gu) ?? [];
}

/** `zh` if any of the texts has a Chinese character, else `en`. */
export function captionLanguage(texts: readonly string[]): CaptionLanguage {
  return texts.some((text) => /\p{Script=Han}/u.test(text)) ? "zh" : "en";
}
