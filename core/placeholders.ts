/**
 * Where images go in a prompt: which token positions an image's embeddings replace.
 *
 * @module
 */
import { PlaceholderError } from "./errors.ts";

/** How a prompt marks the place of an image. */
export interface PlaceholderRule {
  /** Id of the marker token. */
  readonly marker: number;
  /** Embeddings per image, and markers per image in a prompt. */
  readonly tokens: number;
  /**
   * Which markers stand for an image.
   *
   * - `exact` (MiniMind2-V): every window of exactly `tokens` markers; a shorter run stays text
   * - `run` (minimind-3v): every run of markers; a run cut short takes the image's first embeddings
   */
  readonly match: "exact" | "run";
}

/** How many images there are and where their embeddings lie. */
export interface SpliceOptions {
  /** Images that belong to the sequence. */
  readonly images: number;
  /** Row of the first image's first embedding. Default 0. */
  readonly firstRow?: number | undefined;
}

/** Markers that an image replaces: `length` of them from `start` on. */
interface Span {
  readonly start: number;
  readonly length: number;
}

/**
 * For each token of one sequence, the row of its image embedding, or −1 for text: the index of `graph.splice`.
 *
 * The k-th match takes the k-th image, whose embeddings are the rows firstRow + k · tokens and on. Matches and
 * images beyond the shorter of the two lists are left alone.
 *
 * @throws {PlaceholderError} if two images would share markers, or a run has more markers than its image embeddings
 */
export function spliceIndex(ids: ArrayLike<number>, rule: PlaceholderRule, options: SpliceOptions): Int32Array {
  const { images, firstRow = 0 } = options;
  const index = new Int32Array(ids.length).fill(-1); // [T]
  const runs = findRuns(ids, rule.marker);
  const spans = (rule.match === "exact" ? runs.flatMap((run) => windows(run, rule.tokens)) : runs).slice(0, images);
  spans.forEach((span, image) => {
    const { start, length } = span;
    if (length > rule.tokens) {
      throw new PlaceholderError(
        `Cannot place image ${image}: ${length} markers at position ${start}, but an image has ${rule.tokens}; ` +
          `separate adjacent images with a token of text`,
      );
    }
    if (index[start] !== -1) {
      throw new PlaceholderError(
        `Cannot place image ${image}: position ${start} belongs to image ${image - 1}; ` +
          `separate adjacent images with a token of text`,
      );
    }
    for (let i = 0; i < length; i++) index[start + i] = firstRow + image * rule.tokens + i;
  });
  return index;
}

/** The longest stretches of markers, in order. */
function findRuns(ids: ArrayLike<number>, marker: number): Span[] {
  const runs: Span[] = [];
  let start = 0;
  for (let i = 0; i <= ids.length; i++) {
    if (i < ids.length && ids[i] === marker) continue;
    if (i > start) runs.push({ start, length: i - start });
    start = i + 1;
  }
  return runs;
}

/** Every place in a run where a whole image fits, one token apart, as upstream's sliding window finds them. */
function windows(run: Span, tokens: number): Span[] {
  const count = Math.max(0, run.length - tokens + 1);
  return Array.from({ length: count }, (_, i) => ({ start: run.start + i, length: tokens }));
}
