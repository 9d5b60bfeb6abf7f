/**
 * What a page and the worker that runs a model for it say to each other.
 *
 * @module
 */

/** Where a model is. */
export interface ModelPlace {
  /** URL of the server's root, with a slash at its end. */
  readonly base: string;
  /** The model's name there. */
  readonly model: string;
  /** The key that the server asks for. Default none. */
  readonly key?: string | undefined;
}

/** What the page says: load a model, call the API, or forget about an answer. */
export type PageMessage =
  | { readonly type: "load"; readonly place: ModelPlace; readonly workerScript: string }
  | { readonly type: "fetch"; readonly id: number; readonly path: string; readonly init: PageRequest }
  | { readonly type: "abort"; readonly id: number };

/** A request that can be sent by message. */
export interface PageRequest {
  /** Default `GET`. */
  readonly method?: string;
  /** The body. Default none. */
  readonly body?: string;
}

/** What the worker says: how far loading is and how it ended, or a piece of a response. */
export type WorkerMessage =
  | { readonly type: "progress"; readonly loaded: number; readonly total: number }
  | { readonly type: "ready"; readonly backend: string; readonly threads: number }
  | { readonly type: "failed"; readonly message: string }
  | { readonly type: "head"; readonly id: number; readonly status: number }
  | { readonly type: "piece"; readonly id: number; readonly bytes: Uint8Array }
  | { readonly type: "end"; readonly id: number };
