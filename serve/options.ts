/**
 * What a server may be told.
 *
 * @module
 */
import type { ImageRules } from "./request/images.ts";

/** Options of `createServer`. */
export interface ServeOptions extends ImageRules {
  /** Keys of which a request must bring one, as `Authorization: Bearer KEY`. Default: none is asked for. */
  readonly apiKeys?: readonly string[] | undefined;
  /** Origins of pages that may call, for instance `https://example.com`; `*` for all. Default: its own alone. */
  readonly corsOrigins?: readonly string[] | undefined;
  /**
   * Names, without ports, by which the server may be called, so that a page cannot reach one on loopback by a name that
   * it has made point there. Default: any.
   */
  readonly hosts?: readonly string[] | undefined;
  /** Requests that wait for a free place at most; more are refused with 429. Default 64. */
  readonly maxQueue?: number | undefined;
  /** Milliseconds that an answer may take, waiting included. Default 10 minutes. */
  readonly timeoutMs?: number | undefined;
  /** Milliseconds that answers under way get to end when the server closes. Default 30 s. */
  readonly graceMs?: number | undefined;
  /** Milliseconds of silence after which a stream gets a comment, so that nobody on the way gives it up. Default 15 s. */
  readonly pingMs?: number | undefined;
  /**
   * Whether whoever may call may have the files of the models, `GET /model-files`, so that the page can run them in the
   * browser. Default false.
   */
  readonly shareFiles?: boolean | undefined;
  /** Most bytes of a request's body. Default 32 MiB. */
  readonly maxBodyBytes?: number | undefined;
  /** Most bytes of all bodies that are being read at once; requests beyond are refused with 429. Default 128 MiB. */
  readonly maxReadingBytes?: number | undefined;
  /** Milliseconds that a request's body may take to come. Default 60 s. */
  readonly bodyTimeoutMs?: number | undefined;
}
