/**
 * What a request said, as an error tells it again.
 *
 * @module
 */

/** Most characters that are told. */
const most = 60;

/** A text, cut off where it is long. */
export function shorten(text: string): string {
  return text.length > most ? `${text.slice(0, most)}…` : text;
}
