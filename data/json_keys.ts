/**
 * Finds keys that an object of a JSON text has twice; `JSON.parse` keeps the last and tells nobody.
 *
 * @module
 */

/** A key that occurs twice in one object of a valid JSON text, or undefined. */
export function findRepeatedKey(text: string): string | undefined {
  const open: Set<string>[] = []; // keys of the objects and arrays around the current place
  const tokens = /"(?:[^"\\]|\\.)*"(\s*:)?|[[{}\]]/g;
  for (const [token, isKey] of text.matchAll(tokens)) {
    if (token === "{" || token === "[") open.push(new Set());
    else if (token === "}" || token === "]") open.pop();
    else if (isKey !== undefined) {
      const key: string = JSON.parse(token.slice(0, -isKey.length));
      const keys = open.at(-1)!;
      if (keys.has(key)) return key;
      keys.add(key);
    }
  }
  return undefined;
}
