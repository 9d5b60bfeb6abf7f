/**
 * Runs of words and how often they occur.
 *
 * @module
 */

/** Runs of exactly `length` words with their counts; a run's key is its words with a line feed between them. */
export function countNgrams(words: readonly string[], length: number): Map<string, number> {
  const counts = new Map<string, number>();
  for (let i = 0; i + length <= words.length; i++) {
    const key = words.slice(i, i + length).join("\n");
    counts.set(key, (counts.get(key) ?? 0) + 1);
  }
  return counts;
}
