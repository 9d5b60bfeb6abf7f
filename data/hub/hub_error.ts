/**
 * Errors of downloads.
 *
 * @module
 */

/** A file could not be had from the hub, or not be kept. */
export class HubError extends Error {
  /** Name of the class. */
  override name = "HubError";
}

/** A failure that may pass: the attempt is worth repeating. */
export class TransientError extends HubError {
  /** Name of the class. */
  override name = "TransientError";
  /** Milliseconds to wait first, where the server said so. */
  readonly retryAfter: number | undefined;

  /** Takes the message and, as an option, the wait the server asked for in milliseconds. */
  constructor(message: string, options: ErrorOptions & { readonly retryAfter?: number | undefined } = {}) {
    super(message, options);
    this.retryAfter = options.retryAfter;
  }
}

/** What an unknown thrown value says. */
export function reasonOf(error: unknown): string {
  return error instanceof Error ? error.message || error.name : String(error);
}
