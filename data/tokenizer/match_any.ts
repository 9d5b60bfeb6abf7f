/**
 * Finds any of a list of texts in another.
 *
 * @module
 */

/** A pattern that matches each of the texts, the longest where several begin, and nothing for an empty list. */
export function matchAny(texts: Iterable<string>): RegExp {
  const longestFirst = [...texts].sort((a, b) => b.length - a.length);
  const patterns = longestFirst.map((text) => text.replace(/[\\^$.*+?()[\]{}|]/g, "\\$&"));
  return new RegExp(patterns.join("|") || "(?!)", "gu");
}
