/**
 * Work on many items at once, results in the order of the items.
 *
 * @module
 */

/** How {@link inOrder} goes. */
export interface InOrderOptions<Item, Result> {
  /** Items under way at once, those that are done but wait for one before them counted. */
  readonly width: number;
  /** Does one item. */
  readonly work: (item: Item) => Promise<Result>;
}

/**
 * Yields what becomes of each item. When one fails or the reader leaves, no item is begun any more, and those under way
 * are waited for.
 */
export async function* inOrder<Item, Result>(
  items: Iterable<Item>,
  { width, work }: InOrderOptions<Item, Result>,
): AsyncGenerator<Result, void, void> {
  const running: Promise<Result>[] = [];
  try {
    for (const item of items) {
      const result = work(item);
      result.catch(() => {}); // whoever reads it is told, in its turn
      running.push(result);
      if (running.length >= width) yield await running.shift()!;
    }
    while (running.length > 0) yield await running.shift()!;
  } finally {
    await Promise.allSettled(running);
  }
}
