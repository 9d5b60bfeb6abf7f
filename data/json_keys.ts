/**
 * Finds keys that an object of a JSON text has twice; `JSON.parse` keeps the last and tells nobody.
 *
 * @module
 */

/** A key that occurs twice in one object of a valid JSON text, or undefined. */
export function findRepeatedKey(text: string): string | undefined {
  const open: Set<string>[] = []; // keys of the objects and arrays around the current place
  for (let at = 0; at < text.length; at++) {
    const code = text.charCodeAt(at);
    if (code === OPEN_OBJECT || code === OPEN_LIST) open.push(new Set());
    else if (code === CLOSE_OBJECT || code === CLOSE_LIST) open.pop();
    else if (code === QUOTE) {
      const end = endOfText(text, at);
      if (isFollowedByColon(text, end)) {
        const written = text.slice(at + 1, end - 1);
        const key: string = written.includes("\\") ? JSON.parse(text.slice(at, end)) : written;
        const keys = open.at(-1)!;
        if (keys.has(key)) return key;
        keys.add(key);
      }
      at = end - 1;
    }
  }
  return undefined;
}

const [QUOTE, BACKSLASH, COLON, OPEN_OBJECT, CLOSE_OBJECT, OPEN_LIST, CLOSE_LIST] = Array.from(
  '"\\:{}[]',
  (character) => character.charCodeAt(0),
);

/** Where a text that begins at `at` ends, behind its closing quote. */
function endOfText(text: string, at: number): number {
  for (let end = text.indexOf('"', at + 1);; end = text.indexOf('"', end + 1)) {
    let escapes = 0;
    while (text.charCodeAt(end - 1 - escapes) === BACKSLASH) escapes++;
    if (escapes % 2 === 0) return end + 1;
  }
}

function isFollowedByColon(text: string, at: number): boolean {
  while (text.charCodeAt(at) <= 0x20) at++; // white space; NaN at the end
  return text.charCodeAt(at) === COLON;
}
