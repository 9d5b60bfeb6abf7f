/**
 * Several streams as one, each element as it comes.
 *
 * @module
 */

/** Merges streams; when one throws, or the reader ends, all of them end. */
export async function* mergeEvents<Event>(
  streams: readonly AsyncGenerator<Event, void, void>[],
): AsyncGenerator<Event, void, void> {
  const next = async (stream: AsyncGenerator<Event, void, void>) => ({ stream, result: await stream.next() });
  const pending = new Map(streams.map((stream) => [stream, next(stream)]));
  try {
    while (pending.size > 0) {
      const { stream, result } = await Promise.race(pending.values());
      if (result.done) pending.delete(stream);
      else {
        pending.set(stream, next(stream));
        yield result.value;
      }
    }
  } finally {
    await Promise.allSettled(streams.map((stream) => stream.return()));
  }
}
