/**
 * Pairs of neighbouring tokens: how often each occurs, in which words, and which one occurs most.
 *
 * @module
 */

/** Two neighbouring tokens. */
export interface Pair {
  /** Id of the first. */
  readonly first: number;
  /** Id of the second. */
  readonly second: number;
  /** How often they occur. */
  readonly count: number;
  /** Numbers of the words in which they are or have been. */
  readonly words: ReadonlySet<number>;
}

/** Ids stay below this number, so that a pair is one number below 2^42. */
const base = 2 ** 21;

/**
 * Counts that change with every merge. The most frequent pair is found by a heap in which a count may be out of date:
 * one that has fallen is put right when it comes to the top, one that has risen is put in again.
 */
export class PairCounts {
  readonly #counts = new Map<number, number>();
  readonly #places = new Map<number, Set<number>>();
  /** A binary heap of pairs and what their counts were, the most frequent at 0, of several the smallest. */
  readonly #heap: { pair: number; count: number }[] = [];
  readonly #risen = new Set<number>();

  /** Changes the count of a pair by what a word brings or takes; a word that may hold it is kept in mind. */
  add(first: number, second: number, { count, word }: { readonly count: number; readonly word: number }): void {
    const pair = first * base + second;
    this.#counts.set(pair, (this.#counts.get(pair) ?? 0) + count);
    if (count <= 0) return;
    const places = this.#places.get(pair);
    if (places === undefined) this.#places.set(pair, new Set([word]));
    else places.add(word);
    this.#risen.add(pair);
  }

  /** Forgets a pair that occurs nowhere any more. */
  drop({ first, second }: Pick<Pair, "first" | "second">): void {
    this.#counts.delete(first * base + second);
    this.#places.delete(first * base + second);
  }

  /** Takes the most frequent pair, of several the one with the smallest ids; undefined when there is none. */
  take(): Pair | undefined {
    for (const pair of this.#risen) this.#push({ pair, count: this.#counts.get(pair) ?? 0 });
    this.#risen.clear();
    while (this.#heap.length > 0) {
      const top = this.#pop();
      const { pair } = top;
      const count = this.#counts.get(pair) ?? 0;
      if (count <= 0) continue;
      if (count < top.count) {
        this.#push({ pair, count });
        continue;
      }
      return { first: Math.floor(pair / base), second: pair % base, count, words: this.#places.get(pair)! };
    }
    return undefined;
  }

  #push(entry: { pair: number; count: number }): void {
    const heap = this.#heap;
    let at = heap.length;
    while (at > 0) {
      const above = (at - 1) >> 1;
      if (!before(entry, heap[above]!)) break;
      heap[at] = heap[above]!;
      at = above;
    }
    heap[at] = entry;
  }

  #pop(): { pair: number; count: number } {
    const heap = this.#heap;
    const top = heap[0]!;
    const last = heap.pop()!;
    if (heap.length === 0) return top;
    let at = 0;
    for (let below = 1; below < heap.length; below = 2 * at + 1) {
      if (below + 1 < heap.length && before(heap[below + 1]!, heap[below]!)) below++;
      if (!before(heap[below]!, last)) break;
      heap[at] = heap[below]!;
      at = below;
    }
    heap[at] = last;
    return top;
  }
}

function before(a: { pair: number; count: number }, b: { pair: number; count: number }): boolean {
  return a.count > b.count || a.count === b.count && a.pair < b.pair;
}
