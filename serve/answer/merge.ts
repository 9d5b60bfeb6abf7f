/**
 * Several streams as one, each piece as it comes.
 *
 * @module
 */

/** Yields what streams give, with the number of the stream; ends with the last of them, or with an error of any. */
export async function* merge<Value>(
  streams: readonly AsyncIterable<Value>[],
): AsyncGenerator<readonly [stream: number, value: Value], void, void> {
  const iterators = streams.map((stream) => stream[Symbol.asyncIterator]());
  const ask = async (stream: number) => ({ stream, result: await iterators[stream]!.next() });
  const asked = new Map(iterators.map((_, stream) => [stream, ask(stream)]));
  try {
    while (asked.size > 0) {
      const { stream, result } = await Promise.race(asked.values());
      if (result.done) {
        asked.delete(stream);
        continue;
      }
      asked.set(stream, ask(stream)); // before the value is taken: it must not miss the next step
      yield [stream, result.value];
    }
  } finally {
    for (const [stream, pending] of asked) {
      pending.catch(() => {});
      iterators[stream]!.return?.().catch(() => {});
    }
  }
}
