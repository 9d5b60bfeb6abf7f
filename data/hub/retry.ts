/**
 * Repeats what failed for a passing reason, ever more patiently.
 *
 * @module
 */
import { HubError, TransientError } from "./hub_error.ts";

/** Longest wait between two attempts in milliseconds. */
const longestDelay = 30_000;

/** Options of {@link retry}. */
export interface RetryOptions {
  /** Attempts after the first one. */
  readonly retries: number;
  /** Wait before the second attempt in milliseconds; it doubles from one to the next. */
  readonly retryDelay: number;
  /** Ends the waiting. */
  readonly signal?: AbortSignal | undefined;
  /** Whether the failed attempt got somewhere; then the count of attempts starts again. Default never. */
  readonly progressed?: (() => boolean) | undefined;
}

/**
 * Runs an attempt until it succeeds, fails for good, or has failed for passing reasons too often.
 *
 * @throws {HubError} the last attempt's
 */
export async function retry<Result>(attempt: () => Promise<Result>, options: RetryOptions): Promise<Result> {
  const { retries, retryDelay, signal, progressed } = options;
  for (let failures = 0;;) {
    signal?.throwIfAborted();
    try {
      return await attempt();
    } catch (error) {
      signal?.throwIfAborted();
      if (!(error instanceof TransientError)) throw error;
      failures = progressed?.() ? 1 : failures + 1;
      if (failures > retries) {
        const tried = failures > 1 ? ` (${failures} attempts)` : "";
        throw new HubError(`${error.message}${tried}`, { cause: error.cause ?? error });
      }
      // Jitter keeps many clients from coming back at the same moment.
      const backoff = retryDelay * 2 ** (failures - 1) * (0.75 + Math.random() / 2);
      await sleep(Math.min(error.retryAfter ?? backoff, longestDelay), signal);
    }
  }
}

/** Resolves after some milliseconds, or rejects with the signal's reason. */
export function sleep(milliseconds: number, signal?: AbortSignal): Promise<void> {
  return new Promise((resolve, reject) => {
    signal?.throwIfAborted();
    const stop = () => {
      clearTimeout(timer);
      reject(signal?.reason);
    };
    const timer = setTimeout(() => {
      signal?.removeEventListener("abort", stop);
      resolve();
    }, milliseconds);
    signal?.addEventListener("abort", stop, { once: true });
  });
}
