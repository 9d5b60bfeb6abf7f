/**
 * What a failed assertion throws.
 *
 * @module
 */

/** Error of a failed assertion. */
export class AssertionError extends Error {
  /** Creates the error with a message and, in `options`, its cause. */
  constructor(message: string, options?: ErrorOptions) {
    super(message, options);
    this.name = "AssertionError";
  }
}

/** `message: msg` when the caller gave a message of its own. */
export function withMessage(message: string, msg: string | undefined): string {
  return msg === undefined ? `${message}.` : `${message}: ${msg}`;
}
