/**
 * Sends an answer piece by piece, as fast as its reader takes it.
 *
 * @module
 */

/** How a stream is sent. */
export interface StreamOptions {
  /** Media type. */
  readonly type: string;
  /** Told when the reader goes away, or gets an error. */
  readonly onCancel: () => void;
  /** What an error becomes once the stream has begun. */
  readonly failure: (error: unknown) => string;
  /** What is sent when nothing else was for `pingMs`. Default nothing. */
  readonly ping?: string | undefined;
  /** Milliseconds of silence before a ping, and before the response begins without its first piece. */
  readonly pingMs: number;
}

/**
 * A response whose body is pieces of text. It begins with the first piece, so that an error before it can still have a
 * status of its own; when that takes long it begins without.
 *
 * @throws what the pieces throw before the first one
 */
export async function streamResponse(pieces: AsyncGenerator<string>, options: StreamOptions): Promise<Response> {
  const { type, onCancel, failure, ping, pingMs } = options;
  const encoder = new TextEncoder();
  let next: Promise<IteratorResult<string>> | undefined = pieces.next();
  await patient(next, pingMs);
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      next ??= pieces.next();
      try {
        const result = ping === undefined ? await next : await patient(next, pingMs);
        if (result === undefined) return controller.enqueue(encoder.encode(ping));
        next = undefined;
        if (result.done) controller.close();
        else controller.enqueue(encoder.encode(result.value));
      } catch (error) {
        onCancel(); // of several answers the others are no longer wanted
        controller.enqueue(encoder.encode(failure(error)));
        controller.close();
      }
    },
    async cancel() {
      onCancel();
      next?.catch(() => {}); // nobody is left to be told
      await pieces.return(undefined).catch(() => {});
    },
  }, { highWaterMark: 0 });
  const headers = { "content-type": type, "cache-control": "no-cache", "x-accel-buffering": "no" };
  return new Response(body, { headers });
}

/** What a promise gives, or undefined if that takes longer. */
async function patient<Value>(promise: Promise<Value>, ms: number): Promise<Value | undefined> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<undefined>((resolve) => timer = setTimeout(() => resolve(undefined), ms));
  try {
    return await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
