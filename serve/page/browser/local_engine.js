/**
 * A model in a worker of this page. It answers what a server answers, at the same addresses, without asking one.
 *
 * @module
 */
import { passing } from "./store.js";

/** @typedef {import("../../../sdk/page_messages.ts").PageMessage} PageMessage */
/** @typedef {import("../../../sdk/page_messages.ts").WorkerMessage} WorkerMessage */

/** @typedef {{ createScriptURL(url: string): string }} ScriptPolicy */
/** @typedef {{ createPolicy(name: string, rules: ScriptPolicy): ScriptPolicy }} TrustedTypes */
/** @typedef {Extract<WorkerMessage, { id: number }>} Piece */

/** An error whose message the engine wrote; without one the browser could not start it. */
export class EngineError extends Error {}

/**
 * The address of one of the page's scripts.
 *
 * @param {string} name
 * @returns {string}
 */
function scriptAt(name) {
  return new URL(`page/${name}`, document.baseURI).href;
}

// The page's policy lets a worker start from nowhere but what this makes, and this makes one address.
const { trustedTypes } = /** @type {{ trustedTypes?: TrustedTypes }} */ (/** @type {unknown} */ (globalThis));
const policy = trustedTypes?.createPolicy("engine", { createScriptURL: () => scriptAt("engine.js") });

/** A model that is loaded, or being loaded, in a worker. */
export class LocalEngine {
  /** Resolves once it answers, to where it computes. Rejects with an {@link EngineError} if it cannot. */
  ready;
  #worker = new Worker(policy?.createScriptURL("") ?? scriptAt("engine.js"), { type: "module" });
  /** @type {Map<number, (piece: Piece) => void>} */
  #calls = new Map();
  #count = 0;

  /**
   * @param {string} model its name at the server, which gives its files
   * @param {(loaded: number, total: number) => void} onProgress told the bytes of a file that have come
   */
  constructor(model, onProgress) {
    const { promise, resolve, reject } =
      /** @type {PromiseWithResolvers<{ backend: string, threads: number }>} */ (Promise.withResolvers());
    this.ready = promise;
    promise.catch(() => {}); // told to whoever asks
    this.#worker.onerror = (event) => {
      event.preventDefault();
      reject(new EngineError());
    };
    this.#worker.onmessage = (/** @type {MessageEvent<WorkerMessage>} */ { data }) => {
      if (data.type === "progress") onProgress(data.loaded, data.total);
      else if (data.type === "ready") resolve(data);
      else if (data.type === "failed") reject(new EngineError(data.message));
      else this.#calls.get(data.id)?.(data);
    };
    const place = { base: document.baseURI, model, key: passing.get("key") };
    this.#tell({ type: "load", place, workerScript: scriptAt("thread.js") });
  }

  /**
   * What a server would answer.
   *
   * @param {string} path
   * @param {{ method?: string, body?: string, signal: AbortSignal }} request
   * @returns {Promise<Response>}
   */
  fetch(path, { signal, ...init }) {
    signal.throwIfAborted();
    const id = this.#count++;
    return new Promise((resolve, reject) => {
      /** @type {ReadableStreamDefaultController<Uint8Array>} */
      let controller;
      const end = () => {
        this.#calls.delete(id);
        signal.removeEventListener("abort", abort);
      };
      const cancel = () => {
        end();
        this.#tell({ type: "abort", id });
      };
      const abort = () => {
        cancel();
        controller.error(signal.reason);
        reject(signal.reason);
      };
      const body = new ReadableStream({ start: (given) => void (controller = given), cancel });
      signal.addEventListener("abort", abort);
      this.#calls.set(id, (piece) => {
        if (piece.type === "head") resolve(new Response(body, { status: piece.status }));
        else if (piece.type === "piece") controller.enqueue(piece.bytes);
        else {
          end();
          controller.close();
        }
      });
      this.#tell({ type: "fetch", id, path, init });
    });
  }

  /** Ends it and what it is doing. */
  end() {
    this.#worker.terminate();
  }

  /** @param {PageMessage} message */
  #tell(message) {
    this.#worker.postMessage(message);
  }
}
