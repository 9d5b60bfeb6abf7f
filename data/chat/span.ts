/**
 * Stretches of a text or of a list of ids.
 *
 * @module
 */

/** Elements that follow each other. */
export interface Span {
  /** The first one. */
  readonly start: number;
  /** How many there are. */
  readonly length: number;
}

/** What lies of each span before `end`; spans beyond it are dropped. */
export function spansBefore(spans: readonly Span[], end: number): Span[] {
  return spans
    .filter(({ start }) => start < end)
    .map(({ start, length }) => ({ start, length: Math.min(length, end - start) }));
}
