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
  let timer: ReturnType<typeof setInterval> | undefined;
  let silent = false; // since the timer went off last
  let asked = false;
  const tick = (controller: ReadableStreamDefaultController<Uint8Array>) => {
    if (!asked) return stop(); // nobody reads: until somebody does, nothing is to be said
    if (silent && controller.desiredSize === 0) controller.enqueue(encoder.encode(ping));
    silent = true;
  };
  const stop = () => {
    clearInterval(timer);
    timer = undefined;
  };
  const body = new ReadableStream<Uint8Array>({
    async pull(controller) {
      asked = true;
      // One timer for the whole stream: one for each piece would cost as much as the piece.
      if (ping !== undefined) timer ??= setInterval(tick, pingMs, controller);
      try {
        const { done, value } = await (next ?? pieces.next());
        next = undefined;
        [asked, silent] = [false, false];
        if (!done) return controller.enqueue(encoder.encode(value));
      } catch (error) {
        onCancel(); // of several answers the others are no longer wanted
        controller.enqueue(encoder.encode(failure(error)));
      }
      stop();
      controller.close();
    },
    async cancel() {
      stop();
      onCancel();
      next?.catch(() => {}); // nobody is left to be told
      await pieces.return(undefined).catch(() => {});
    },
  }, { highWaterMark: 0 });
  const headers = { "content-type": type, "cache-control": "no-cache", "x-accel-buffering": "no" };
  return new Response(body, { headers });
}

/** Waits for a promise, but not longer than that. */
async function patient(promise: Promise<unknown>, ms: number): Promise<void> {
  let timer: ReturnType<typeof setTimeout> | undefined;
  const late = new Promise<void>((resolve) => timer = setTimeout(resolve, ms));
  try {
    await Promise.race([promise, late]);
  } finally {
    clearTimeout(timer);
  }
}
