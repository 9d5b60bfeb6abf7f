/**
 * The server's API, with the key that it may ask for.
 *
 * @module
 */
import { readEvents } from "./events.js";
import { passing } from "./store.js";

/** @typedef {import("./conversation.js").Message} Message */
/** @typedef {import("./local_engine.js").LocalEngine} LocalEngine */

/**
 * @typedef {object} Model
 * @property {string} id
 * @property {boolean} sees whether it takes images
 * @property {boolean} looks whether it can tell where in them an answer looked: their tokens make a square
 *
 * @typedef {object} ListedModel what the server tells of one
 * @property {string} id
 * @property {{ input_modalities: string[] }} architecture
 * @property {{ image_tokens: number }} meta
 *
 * @typedef {object} Settings what a request says; absent fields are the model's own
 * @property {number} [temperature]
 * @property {number} [top_p]
 * @property {number} [max_tokens]
 * @property {number} [seed]
 *
 * @typedef {object} Attention where in an image an answer looked
 * @property {[rows: number, columns: number]} grid
 * @property {"stretch" | "crop"} fit whether the grid covers all of the image, or the square in its middle
 * @property {number[]} shares of the answer's attention, row by row
 *
 * @typedef {{ text: string } | { reason: string, tokens: number, rate: number, attention: Attention[] }} AnswerEvent a
 * piece, or the end with what is known of each image of the conversation
 */

/** An error whose message the server wrote. */
export class ServerError extends Error {}

/** Calls the server that the page came from. */
export class Api {
  /** @type {(wrong: boolean) => Promise<string | undefined>} */
  #askKey;
  #key = passing.get("key");

  /** @param {(wrong: boolean) => Promise<string | undefined>} askKey asks for a key; undefined if there is none */
  constructor(askKey) {
    this.#askKey = askKey;
  }

  /**
   * The models that are served; none while the first is being loaded.
   *
   * @returns {Promise<Model[]>}
   */
  async models() {
    const { data } = await (await this.#fetch("v1/models")).json();
    return data.map((/** @type {ListedModel} */ { id, architecture, meta }) => {
      const sees = architecture.input_modalities.includes("image");
      return { id, sees, looks: sees && Number.isInteger(Math.sqrt(meta.image_tokens)) };
    });
  }

  /**
   * What a model does where a request says nothing.
   *
   * @param {string} model
   * @returns {Promise<Settings>}
   */
  async defaults(model) {
    const response = await this.#fetch(`props?model=${encodeURIComponent(model)}`);
    return (await response.json()).default_generation_settings.params;
  }

  /**
   * An answer, piece by piece.
   *
   * @param {{ model?: string, messages: Message[], image_attention?: boolean } & Settings} request
   * @param {{ signal: AbortSignal, engine: LocalEngine | undefined }} context the engine answers in the server's place
   * @returns {AsyncGenerator<AnswerEvent, void>}
   * @throws {ServerError} if the server cannot answer
   */
  async *answer(request, { signal, engine }) {
    const path = "v1/chat/completions";
    const init = { method: "POST", body: JSON.stringify({ ...request, stream: true }), signal };
    const response = await (engine?.fetch(path, init) ??
      this.#fetch(path, { ...init, headers: { "content-type": "application/json" } }));
    if (!response.ok) throw new ServerError(await errorOf(response));
    for await (const data of readEvents(/** @type {NonNullable<typeof response.body>} */ (response.body))) {
      if (data === "[DONE]") return;
      const { error, choices = [], timings } = JSON.parse(data);
      if (error !== undefined) throw new ServerError(error.message);
      const [choice] = choices;
      if (choice?.delta.content) yield { text: choice.delta.content };
      if (timings !== undefined) {
        const { predicted_n: tokens, predicted_per_second: rate } = timings;
        yield { reason: choice.finish_reason, tokens, rate, attention: choice.image_attention ?? [] };
      }
    }
    throw new TypeError("the answer broke off");
  }

  /**
   * @param {string} path
   * @param {RequestInit} [init]
   * @returns {Promise<Response>}
   */
  async #fetch(path, init = {}) {
    for (;;) {
      const headers = new Headers(init.headers);
      const key = this.#key;
      if (key !== undefined) headers.set("authorization", `Bearer ${key}`);
      const response = await fetch(new URL(path, document.baseURI), { ...init, headers });
      if (response.ok) return response;
      const message = await errorOf(response);
      if (response.status !== 401) throw new ServerError(message);
      // Another request may have been given a key meanwhile.
      if (this.#key === key) this.#key = await this.#askKey(key !== undefined);
      if (this.#key === undefined) throw new ServerError(message);
      passing.set("key", this.#key);
      init.signal?.throwIfAborted();
    }
  }
}

/**
 * @param {Response} response
 * @returns {Promise<string>}
 */
async function errorOf(response) {
  const text = await response.text();
  try {
    return JSON.parse(text).error.message;
  } catch {
    return `${response.status} ${response.statusText}`; // of something between us and the server
  }
}
