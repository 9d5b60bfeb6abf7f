// Built from serve/page/browser by `deno task page`; do not edit.

/** Texts of the page's files by name. */
export const files: Readonly<Record<string, string>> = {
  "api.js": `/**
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
    const response = await this.#fetch(\`props?model=\${encodeURIComponent(model)}\`);
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
      if (key !== undefined) headers.set("authorization", \`Bearer \${key}\`);
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
    return \`\${response.status} \${response.statusText}\`; // of something between us and the server
  }
}
`,
  "composer.js": `/**
 * Where questions are written and images are laid ready: chosen, dropped or pasted.
 *
 * @module
 */
import { byId, make } from "./dom.js";
import { imagesIn, readPicture } from "./images.js";
import { say, translate } from "./words.js";

/** @typedef {import("./conversation.js").Picture} Picture */

/** The form below the conversation. */
export class Composer {
  #form = byId("composer", HTMLFormElement);
  #question = byId("question", HTMLTextAreaElement);
  #attach = byId("attach", HTMLButtonElement);
  #files = byId("files", HTMLInputElement);
  #list = byId("pictures", HTMLUListElement);
  #notice = byId("notice", HTMLParagraphElement);
  #send = byId("send", HTMLButtonElement);
  #stop = byId("stop", HTMLButtonElement);
  /** @type {Picture[]} */
  #pictures = [];
  #sees = true;
  #busy = false;
  /** Images on their way, which a question waits for. */
  #reading = Promise.resolve();

  /**
   * @param {(question: string, pictures: readonly Picture[]) => void} onAsk
   * @param {() => void} onStop
   */
  constructor(onAsk, onStop) {
    this.#form.onsubmit = async (event) => {
      event.preventDefault();
      await this.#reading;
      const question = this.#question.value.trim();
      this.focus();
      if (this.#busy || (question === "" && this.#pictures.length === 0)) return;
      const pictures = this.#sees ? this.#pictures : [];
      this.clear();
      onAsk(question, pictures);
    };
    this.#question.onkeydown = (event) => {
      // Enter also chooses among the words that an input method offers.
      if (event.key !== "Enter" || event.shiftKey || event.isComposing || event.keyCode === 229) return;
      event.preventDefault();
      this.#form.requestSubmit();
    };
    this.#stop.onclick = onStop;
    this.#attach.onclick = () => this.#files.click();
    this.#files.onchange = () => {
      this.#take([...this.#files.files ?? []]);
      this.#files.value = ""; // so that the same file can be chosen again
    };
    this.#listen();
  }

  /** Moves the cursor here. */
  focus() {
    this.#question.focus();
  }

  /** Empties it. */
  clear() {
    this.#question.value = "";
    this.#pictures = [];
    this.#show();
    this.#say();
  }

  /**
   * Proposes a question.
   *
   * @param {string} question
   */
  propose(question) {
    this.#question.value = question;
    this.focus();
  }

  /**
   * Whether an answer is under way.
   *
   * @param {boolean} busy
   */
  set busy(busy) {
    const held = document.activeElement === this.#stop || document.activeElement === this.#send;
    this.#busy = busy;
    this.#send.hidden = busy;
    this.#stop.hidden = !busy;
    if (held) this.focus(); // a button that is hidden would lose it
  }

  /**
   * Whether the model takes images.
   *
   * @param {boolean} sees
   */
  set sees(sees) {
    this.#sees = sees;
    this.#attach.hidden = !sees;
    this.#show();
  }

  #listen() {
    document.addEventListener("paste", ({ clipboardData }) => this.#take(imagesIn(clipboardData)));
    const { classList } = document.body;
    document.addEventListener("dragover", (event) => {
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      classList.add("dropping");
    });
    document.addEventListener("dragleave", ({ relatedTarget }) => {
      if (relatedTarget === null) classList.remove("dropping");
    });
    document.addEventListener("drop", (event) => {
      classList.remove("dropping");
      if (!event.dataTransfer?.types.includes("Files")) return;
      event.preventDefault();
      this.#take(imagesIn(event.dataTransfer));
      this.focus();
    });
  }

  /** @param {readonly File[]} files */
  #take(files) {
    if (files.length === 0) return;
    if (!this.#sees) return this.#say("noImages");
    this.#say();
    const read = Promise.all(files.map(async (file) => {
      try {
        return [await readPicture(file)];
      } catch {
        this.#say("brokenImage", { name: file.name });
        return [];
      }
    }));
    this.#reading = this.#reading.then(async () => {
      this.#pictures.push(...(await read).flat());
      this.#show();
    });
  }

  #show() {
    const items = this.#pictures.map((picture) => {
      const image = Object.assign(make("img"), { src: picture.url, alt: picture.name });
      const remove = make("button", { data: { label: "remove", name: picture.name }, inside: ["×"] });
      remove.type = "button";
      remove.onclick = () => {
        this.#pictures = this.#pictures.filter((other) => other !== picture);
        this.#show();
        this.focus();
      };
      return make("li", { inside: [image, remove] });
    });
    this.#list.replaceChildren(...items);
    this.#list.hidden = items.length === 0 || !this.#sees;
    translate(this.#list);
  }

  /**
   * @param {import("./words.js").Word} [word] nothing unless given
   * @param {Readonly<Record<string, string>>} [values]
   */
  #say(word, values) {
    this.#notice.replaceChildren();
    if (word === undefined) return;
    const line = make("span");
    say(line, word, values);
    this.#notice.append(line);
  }
}
`,
  "conversation.js": `/**
 * What was said, and how it is sent: every question goes with all that came before it, images included.
 *
 * @module
 */

/**
 * @typedef {object} Picture
 * @property {string} name its file's name
 * @property {string} url a data URI
 *
 * @typedef {object} Turn
 * @property {string} question
 * @property {readonly Picture[]} pictures
 * @property {string} answer what has come of it so far
 *
 * @typedef {{ type: "text", text: string } | { type: "image_url", image_url: { url: string } }} Part
 *
 * @typedef {object} Message
 * @property {"user" | "assistant"} role
 * @property {string | Part[]} content
 */

/**
 * The messages that ask the last turn's question. Earlier turns without an answer (they failed, or were stopped at once)
 * are left out, and so is the last turn's own answer, which is to come.
 *
 * @param {readonly Turn[]} turns
 * @returns {Message[]}
 */
export function messagesOf(turns) {
  const last = turns.at(-1);
  return sentOf(turns).flatMap((turn) => {
    return turn === last ? [ask(turn)] : [ask(turn), { role: "assistant", content: turn.answer }];
  });
}

/**
 * The turns that are sent with the last one's question.
 *
 * @template {Turn} Kind
 * @param {readonly Kind[]} turns
 * @returns {Kind[]}
 */
export function sentOf(turns) {
  return turns.filter((turn, i) => i === turns.length - 1 || turn.answer !== "");
}

/**
 * @param {Turn} turn
 * @returns {Message}
 */
function ask({ question, pictures }) {
  if (pictures.length === 0) return { role: "user", content: question };
  /** @type {Part[]} */
  const parts = pictures.map(({ url }) => ({ type: "image_url", image_url: { url } }));
  if (question !== "") parts.push({ type: "text", text: question });
  return { role: "user", content: parts };
}
`,
  "dom.js": `/**
 * Elements of the page.
 *
 * @module
 */

/**
 * The element with an id.
 *
 * @template {HTMLElement} Kind
 * @param {string} id
 * @param {new () => Kind} kind what it has to be
 * @returns {Kind}
 */
export function byId(id, kind) {
  const element = document.getElementById(id);
  if (!(element instanceof kind)) throw new TypeError(\`Cannot find "\${id}": there is no such element\`);
  return element;
}

/**
 * A new element, with properties, data and contents.
 *
 * @template {keyof HTMLElementTagNameMap} Tag
 * @param {Tag} tag
 * @param {{ className?: string, data?: Readonly<Record<string, string>>, inside?: readonly (Node | string)[] }} [what]
 * @returns {HTMLElementTagNameMap[Tag]}
 */
export function make(tag, { className = "", data = {}, inside = [] } = {}) {
  const element = document.createElement(tag);
  if (className !== "") element.className = className;
  Object.assign(element.dataset, data);
  element.append(...inside);
  return element;
}
`,
  "events.js": `/**
 * Server-sent events.
 *
 * @module
 */

/**
 * The data of each event of a response's body; comments are passed over. Ending early ends the response.
 *
 * @param {ReadableStream<Uint8Array<ArrayBuffer>>} body
 * @returns {AsyncGenerator<string, void>}
 */
export async function* readEvents(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  try {
    let rest = "";
    for (let read = await reader.read(); !read.done; read = await reader.read()) {
      const events = (rest + read.value).split("\\n\\n");
      rest = /** @type {string} */ (events.pop());
      for (const event of events) {
        const lines = event.split("\\n").filter((line) => line.startsWith("data:"));
        if (lines.length > 0) yield lines.map((line) => line.slice(5).trimStart()).join("\\n");
      }
    }
  } finally {
    await reader.cancel();
  }
}
`,
  "icon.svg": `<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 32 32">
  <rect width="32" height="32" rx="8" fill="#0b6b63" />
  <path d="M5 16q11-13 22 0-11 13-22 0z" fill="none" stroke="#fff" stroke-width="2.4" stroke-linejoin="round" />
  <circle cx="16" cy="16" r="4" fill="#fff" />
</svg>
`,
  "images.js": `/**
 * Images from files, as the server takes them.
 *
 * @module
 */

/** @typedef {import("./conversation.js").Picture} Picture */

/** Types that the server reads; an animated GIF it does not, so GIFs are drawn anew. */
const readable = ["image/jpeg", "image/png", "image/webp"];

/** Files up to this size are sent as they are. */
const maxBytes = 2 * 2 ** 20;

/** Longer sides are drawn this long; models look at a few hundred pixels. */
const maxSide = 1536;

/**
 * The images among what is dropped or pasted.
 *
 * @param {DataTransfer | null} transfer
 * @returns {File[]}
 */
export function imagesIn(transfer) {
  return [...transfer?.files ?? []].filter(({ type }) => type.startsWith("image/"));
}

/**
 * An image as a data URI: the file itself if the server can read it, else what the browser sees in it.
 *
 * @param {File} file
 * @returns {Promise<Picture>}
 * @throws {DOMException} if the browser sees no image in it
 */
export async function readPicture(file) {
  const picture = await createImageBitmap(file); // fails for what is no image, whatever its name
  try {
    const fine = readable.includes(file.type) && file.size <= maxBytes;
    return { name: file.name, url: await dataUri(fine ? file : await redraw(picture)) };
  } finally {
    picture.close();
  }
}

/**
 * @param {ImageBitmap} picture
 * @returns {Promise<Blob>}
 */
async function redraw(picture) {
  const scale = Math.min(1, maxSide / Math.max(picture.width, picture.height));
  const [width, height] = [picture.width, picture.height].map((side) => Math.max(1, Math.round(side * scale)));
  const canvas = new OffscreenCanvas(/** @type {number} */ (width), /** @type {number} */ (height));
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  context.imageSmoothingQuality = "high";
  context.drawImage(picture, 0, 0, canvas.width, canvas.height);
  const png = await canvas.convertToBlob({ type: "image/png" });
  if (png.size <= maxBytes) return png;
  context.globalCompositeOperation = "destination-over"; // JPEG has no transparency
  context.fillStyle = "#fff";
  context.fillRect(0, 0, canvas.width, canvas.height);
  return await canvas.convertToBlob({ type: "image/jpeg", quality: 0.92 });
}

/**
 * @param {Blob} blob
 * @returns {Promise<string>}
 */
function dataUri(blob) {
  return new Promise((resolve, reject) => {
    const reader = new FileReader();
    reader.onload = () => resolve(/** @type {string} */ (reader.result));
    reader.onerror = () => reject(reader.error);
    reader.readAsDataURL(blob);
  });
}
`,
  "index.html": `<!doctype html>
<html lang="en">
  <head>
    <meta charset="utf-8">
    <base href="./">
    <title>MiniMind-V</title>
    <meta name="viewport" content="width=device-width, initial-scale=1, interactive-widget=resizes-content">
    <meta name="color-scheme" content="light dark">
    <link rel="icon" type="image/svg+xml" href="page/icon.svg">
    <link rel="stylesheet" href="page/style.css">
    <script type="module" blocking="render" src="page/main.js"></script>
  </head>
  <body>
    <header>
      <h1><img src="page/icon.svg" alt="" width="28" height="28"><span>MiniMind-V</span></h1>
      <select id="model" data-label="model"></select>
      <div class="tools">
        <button type="button" id="clear" data-label="clear">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M12 5v14M5 12h14" />
          </svg>
        </button>
        <button type="button" id="settings-button" popovertarget="settings" data-label="settings">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M4 7h9M17 7h3M4 17h3M11 17h9" />
            <circle cx="15" cy="7" r="2" />
            <circle cx="9" cy="17" r="2" />
          </svg>
        </button>
        <button type="button" id="theme" aria-pressed="false" data-label="dark">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M20 14.5A8.5 8.5 0 0 1 9.5 4 8.5 8.5 0 1 0 20 14.5z" />
          </svg>
        </button>
        <button type="button" id="language" class="wide">中文</button>
      </div>
    </header>

    <form id="settings" popover aria-labelledby="settings-title">
      <h2 id="settings-title" data-word="settings"></h2>
      <label for="temperature" data-word="temperature"></label>
      <input id="temperature" name="temperature" type="number" min="0" max="2" step="any" inputmode="decimal">
      <p class="quiet" data-word="temperatureHint"></p>
      <label for="top_p" data-word="topP"></label>
      <input id="top_p" name="top_p" type="number" min="0" max="1" step="any" inputmode="decimal">
      <p class="quiet" data-word="topPHint"></p>
      <label for="max_tokens" data-word="maxTokens"></label>
      <input id="max_tokens" name="max_tokens" type="number" min="1" step="1" inputmode="numeric">
      <label for="seed" data-word="seed"></label>
      <input id="seed" name="seed" type="number" min="0" max="2147483647" step="1" inputmode="numeric">
      <p class="quiet" data-word="seedHint"></p>
      <button type="reset" class="plain" data-word="defaults"></button>
    </form>

    <main tabindex="0" data-label="conversation">
      <section id="welcome">
        <h2 data-word="welcome"></h2>
        <p class="quiet" data-word="welcomeHint"></p>
        <div id="ideas">
          <button type="button" class="plain" data-word="idea1"></button>
          <button type="button" class="plain" data-word="idea2"></button>
          <button type="button" class="plain" data-word="idea3"></button>
        </div>
      </section>
      <div id="log" role="log" aria-live="polite" data-label="answers"></div>
    </main>

    <form id="composer" data-label="composer">
      <p id="notice" role="status"></p>
      <ul id="pictures" data-label="pictures"></ul>
      <div class="row">
        <button type="button" id="attach" data-label="attach">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <rect x="4" y="4" width="16" height="16" rx="2.5" />
            <circle cx="9" cy="9.5" r="1.5" />
            <path d="m5 18 5-5 3 3 3-3 4 4" />
          </svg>
        </button>
        <input type="file" id="files" accept="image/*" multiple hidden>
        <textarea id="question" rows="1" data-label="question" data-placeholder="questionHint"></textarea>
        <button type="submit" id="send" class="strong" data-label="send">
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <path d="M12 19V5M6 11l6-6 6 6" />
          </svg>
        </button>
        <button type="button" id="stop" class="strong" data-label="stop" hidden>
          <svg viewBox="0 0 24 24" aria-hidden="true">
            <rect x="7" y="7" width="10" height="10" rx="1.5" class="full" />
          </svg>
        </button>
      </div>
      <p id="where" class="quiet">
        <label><input type="checkbox" role="switch" id="local" disabled><span data-word="local"></span></label>
        <span id="local-state" role="status"></span>
        <progress id="local-progress" aria-labelledby="local-state" hidden></progress>
      </p>
    </form>

    <p id="drop" data-word="drop" aria-hidden="true"></p>

    <dialog id="key" aria-labelledby="key-title">
      <form method="dialog">
        <h2 id="key-title" data-word="keyTitle"></h2>
        <p id="key-hint" class="quiet" data-word="keyHint"></p>
        <label for="key-field" data-word="key"></label>
        <input id="key-field" type="password" autocomplete="off" required aria-describedby="key-hint">
        <p class="buttons">
          <button type="button" class="plain" id="key-cancel" data-word="cancel"></button>
          <button type="submit" class="strong wide" data-word="continue"></button>
        </p>
      </form>
    </dialog>
  </body>
</html>
`,
  "key_dialog.js": `/**
 * Asks for the key of a server that wants one.
 *
 * @module
 */
import { byId } from "./dom.js";
import { say } from "./words.js";

/** @type {Promise<string | undefined> | undefined} */
let open;

/**
 * Shows the dialog, once however many requests want it; undefined if it is closed without a key.
 *
 * @param {boolean} wrong whether the server refused a key before
 * @returns {Promise<string | undefined>}
 */
export function askKey(wrong) {
  return open ??= show(wrong).finally(() => open = undefined);
}

/**
 * @param {boolean} wrong
 * @returns {Promise<string | undefined>}
 */
function show(wrong) {
  const dialog = byId("key", HTMLDialogElement);
  const field = byId("key-field", HTMLInputElement);
  say(byId("key-hint", HTMLParagraphElement), wrong ? "keyWrong" : "keyHint");
  field.value = "";
  return new Promise((resolve) => {
    byId("key-cancel", HTMLButtonElement).onclick = () => dialog.close("");
    dialog.onsubmit = (event) => {
      event.preventDefault();
      dialog.close(field.value.trim());
    };
    dialog.oncancel = () => dialog.returnValue = "";
    dialog.onclose = () => resolve(dialog.returnValue === "" ? undefined : dialog.returnValue);
    dialog.returnValue = "";
    dialog.showModal();
  });
}
`,
  "local_engine.js": `/**
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
  return new URL(\`page/\${name}\`, document.baseURI).href;
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
`,
  "local_switch.js": `/**
 * The switch that runs the model in this browser, and what is said beside it.
 *
 * @module
 */
import { byId, make } from "./dom.js";
import { LocalEngine } from "./local_engine.js";
import { say } from "./words.js";

/** Shows where answers come from. */
export class LocalSwitch {
  #box = byId("local", HTMLInputElement);
  #state = byId("local-state", HTMLSpanElement);
  #bar = byId("local-progress", HTMLProgressElement);
  /** @type {LocalEngine | undefined} */
  #engine;
  #model = "";
  #onEnd;

  /** @param {() => void} onEnd told before an engine is ended, whose answers would never end */
  constructor(onEnd) {
    this.#onEnd = onEnd;
    this.#box.checked = false; // browsers remember it when a page is loaded again
    this.#box.onchange = () => this.#run();
  }

  /**
   * The model to run.
   *
   * @param {string} model
   */
  set model(model) {
    this.#box.disabled = model === "";
    if (model === this.#model) return;
    this.#model = model;
    this.#run();
  }

  /**
   * What answers in the server's place, once it is loaded; undefined while the switch is off. Rejects once the signal is
   * aborted.
   *
   * @param {AbortSignal} signal
   * @returns {Promise<LocalEngine | undefined>}
   */
  async engine(signal) {
    const engine = this.#engine;
    const aborted = new Promise((_, reject) => {
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
    });
    await Promise.race([engine?.ready, aborted]);
    return engine;
  }

  /** Starts or ends the engine, as the switch is. */
  async #run() {
    if (this.#engine !== undefined) this.#onEnd();
    this.#engine?.end();
    this.#engine = undefined;
    this.#bar.hidden = !this.#box.checked;
    this.#bar.removeAttribute("value");
    if (!this.#box.checked) return this.#say();
    this.#say("localLoading");
    const engine = this.#engine = new LocalEngine(this.#model, (loaded, total) => {
      if (engine !== this.#engine) return;
      this.#bar.max = total;
      this.#bar.value = loaded;
    });
    try {
      const { backend, threads } = await engine.ready;
      if (engine !== this.#engine) return;
      if (backend === "webgpu") this.#say("localGraphics");
      else if (threads === 1) this.#say("localThread");
      else this.#say("localThreads", { threads: String(threads) });
      this.#bar.hidden = true;
    } catch (error) {
      if (engine !== this.#engine) return;
      engine.end();
      this.#engine = undefined;
      this.#box.checked = false;
      this.#bar.hidden = true;
      const problem = error instanceof Error ? error.message : "";
      if (problem === "") this.#say("localBroken");
      else this.#say("localFailed", { problem });
    }
  }

  /**
   * @param {import("./words.js").Word} [word] nothing unless given
   * @param {Readonly<Record<string, string>>} [values]
   */
  #say(word, values) {
    this.#state.replaceChildren();
    if (word === undefined) return;
    const line = make("span");
    say(line, word, values);
    this.#state.append(line);
  }
}
`,
  "main.js": `/**
 * A page to chat with the models of the server that it came from.
 *
 * @module
 */
import { Api, ServerError } from "./api.js";
import { Composer } from "./composer.js";
import { messagesOf, sentOf } from "./conversation.js";
import { byId, make } from "./dom.js";
import { askKey } from "./key_dialog.js";
import { EngineError } from "./local_engine.js";
import { LocalSwitch } from "./local_switch.js";
import { rangeOf } from "./overlay.js";
import { Sampling, setUpLooks } from "./settings.js";
import { lasting } from "./store.js";
import { TurnView } from "./turn_view.js";
import { translate } from "./words.js";

/** @typedef {import("./conversation.js").Turn} Turn */

setUpLooks();

const api = new Api(askKey);
const sampling = new Sampling();
const composer = new Composer(ask, stop);
const local = new LocalSwitch(stop);
const modelList = byId("model", HTMLSelectElement);
const log = byId("log", HTMLDivElement);
const scroller = /** @type {HTMLElement} */ (log.parentElement);
const welcome = byId("welcome", HTMLElement);

/** @type {Turn[]} */
let turns = [];
/** @type {Map<Turn, TurnView>} */
const views = new Map();
/** @type {AbortController | undefined} */
let running;
/** @type {import("./api.js").Model[]} */
let models = [];
let listing = false;

/**
 * @param {string} question
 * @param {Turn["pictures"]} pictures
 */
function ask(question, pictures) {
  const turn = { question, pictures, answer: "" };
  const view = new TurnView(turn, { onAgain: () => answer(turn, view), onLook: overlay, onGrow: follow });
  turns.push(turn);
  views.set(turn, view);
  log.append(view.element);
  welcome.hidden = true;
  answer(turn, view);
}

/**
 * Answers the last turn.
 *
 * @param {Turn} turn
 * @param {TurnView} view
 */
async function answer(turn, view) {
  const settings = sampling.chosen;
  if (running !== undefined) return;
  turn.answer = "";
  overlay([]);
  view.begin(modelList.value || "MiniMind-V");
  if (settings === undefined) return view.stop();
  const { signal } = running = new AbortController();
  composer.busy = true;
  scroller.scrollTo(0, scroller.scrollHeight);
  if (models.length === 0) listModels();
  try {
    const request = {
      ...modelList.value && { model: modelList.value },
      messages: messagesOf(turns),
      ...looksAtImages() && { image_attention: true },
      ...settings,
    };
    const engine = await local.engine(signal);
    for await (const event of api.answer(request, { signal, engine })) {
      if (!("text" in event)) view.finish(event);
      else {
        turn.answer += event.text;
        view.append(event.text);
      }
    }
  } catch (error) {
    if (signal.aborted) view.stop();
    else view.fail(error instanceof ServerError || error instanceof EngineError ? error.message : undefined);
    const expected = [ServerError, EngineError, TypeError].some((kind) => error instanceof kind);
    if (!signal.aborted && !expected) throw error;
  } finally {
    if (running?.signal === signal) {
      running = undefined;
      composer.busy = false;
    }
  }
}

function stop() {
  running?.abort();
}

/** Whether there are images, and the model can tell where it looks. */
function looksAtImages() {
  const able = models.find(({ id }) => id === modelList.value)?.looks === true;
  return able && sentOf(turns).some(({ pictures }) => pictures.length > 0);
}

/**
 * Draws where the last answer looked over the images that were sent for it.
 *
 * @param {readonly import("./api.js").Attention[]} attention one for each of them; none to draw nothing
 */
function overlay(attention) {
  const range = rangeOf(attention);
  let first = 0;
  for (const turn of sentOf(turns)) {
    const end = first + turn.pictures.length;
    views.get(turn)?.overlay(attention.slice(first, end), range);
    first = end;
  }
}

/**
 * Keeps the end in sight while something is added to it, unless one has scrolled away.
 *
 * @param {() => void} add
 */
function follow(add) {
  const { scrollTop, scrollHeight, clientHeight } = scroller;
  add();
  if (scrollHeight - clientHeight - scrollTop < 60) scroller.scrollTo(0, scroller.scrollHeight);
}

function clear() {
  stop();
  running = undefined;
  composer.busy = false;
  turns = [];
  views.clear();
  log.replaceChildren();
  welcome.hidden = false;
  composer.clear();
  composer.focus();
}

/** Milliseconds between looks for a model that is being loaded, or a server that is being started. */
const patience = 2000;

/** Fills the list, unless that is under way. */
async function listModels() {
  if (listing) return;
  listing = true;
  try {
    showOption("loading");
    while (models.length === 0) {
      models = await api.models().catch((error) => {
        if (error instanceof TypeError) return []; // the server cannot be reached
        throw error;
      });
      if (models.length === 0) await new Promise((resolve) => setTimeout(resolve, patience));
    }
    const options = models.map(({ id }) => Object.assign(make("option", { inside: [id] }), { value: id }));
    modelList.replaceChildren(...options);
    const chosen = models.find(({ id }) => id === lasting.get("model")) ?? models[0];
    modelList.value = chosen?.id ?? "";
    await useModel();
  } catch (error) {
    if (!(error instanceof ServerError)) throw error;
    showOption("noModel"); // without a key, for one; the next question asks for it again
  } finally {
    listing = false;
  }
}

/** @param {import("./words.js").Word} word what the list says while it is empty */
function showOption(word) {
  modelList.replaceChildren(Object.assign(make("option", { data: { word } }), { value: "" }));
  translate(modelList);
}

async function useModel() {
  local.model = modelList.value;
  composer.sees = models.find(({ id }) => id === modelList.value)?.sees ?? false;
  sampling.defaults = await api.defaults(modelList.value);
}

modelList.onchange = () => {
  lasting.set("model", modelList.value);
  useModel();
};
byId("clear", HTMLButtonElement).onclick = clear;
byId("ideas", HTMLDivElement).onclick = ({ target }) => {
  if (target instanceof HTMLButtonElement) composer.propose(target.textContent ?? "");
};
document.addEventListener("keydown", ({ key }) => {
  if (key === "Escape" && document.querySelector(":popover-open, dialog[open]") === null) stop();
});
composer.focus();
await listModels();
`,
  "overlay.js": `/**
 * Where an answer looked, drawn over an image.
 *
 * @module
 */
import { make } from "./dom.js";

/** @typedef {import("./api.js").Attention} Attention */

/** Longer sides of a drawing at most, more than an image takes on the page. */
const side = 384;

/**
 * Shares between which a drawing goes from covered to clear.
 *
 * @typedef {{ least: number, most: number }} Range
 */

/**
 * The range of an answer's shares.
 *
 * @param {readonly Attention[]} attention
 * @returns {Range}
 */
export function rangeOf(attention) {
  const shares = attention.flatMap(({ shares }) => shares);
  return { least: Math.min(...shares), most: Math.max(...shares) };
}

/**
 * A drawing that takes as much room as an image: clear where the answer looked most, covered where it looked least.
 *
 * @param {HTMLImageElement} image loaded
 * @param {Attention} attention
 * @param {Range} range
 * @returns {HTMLCanvasElement}
 */
export function drawOverlay({ naturalWidth, naturalHeight }, { grid, fit, shares }, range) {
  const canvas = make("canvas");
  canvas.ariaHidden = "true";
  const scale = Math.min(1, side / Math.max(naturalWidth, naturalHeight));
  canvas.width = Math.max(1, Math.round(naturalWidth * scale));
  canvas.height = Math.max(1, Math.round(naturalHeight * scale));
  const context = /** @type {CanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const square = Math.min(canvas.width, canvas.height);
  const [width, height] = fit === "stretch" ? [canvas.width, canvas.height] : [square, square];
  context.fillStyle = "rgb(8 12 14 / 0.75)";
  context.fillRect(0, 0, canvas.width, canvas.height);
  // What lies in the picture at a place is what it takes away from the veil there.
  context.globalCompositeOperation = "destination-out";
  context.imageSmoothingQuality = "high";
  const [left, top] = [(canvas.width - width) / 2, (canvas.height - height) / 2];
  context.drawImage(lights(shares, grid, range), left, top, width, height);
  return canvas;
}

/**
 * A picture of as many pixels as there are shares, the more opaque the larger.
 *
 * @param {readonly number[]} shares
 * @param {Attention["grid"]} grid
 * @param {Range} range
 * @returns {OffscreenCanvas}
 */
function lights(shares, [rows, columns], { least, most }) {
  const canvas = new OffscreenCanvas(columns, rows);
  const context = /** @type {OffscreenCanvasRenderingContext2D} */ (canvas.getContext("2d"));
  const pixels = context.createImageData(columns, rows);
  shares.forEach((share, i) => {
    pixels.data[4 * i + 3] = most > least ? Math.round(255 * (share - least) / (most - least)) : 255;
  });
  context.putImageData(pixels, 0, 0);
  return canvas;
}
`,
  "settings.js": `/**
 * How answers are drawn, and how the page looks: what is chosen is kept.
 *
 * @module
 */
import { byId } from "./dom.js";
import { lasting } from "./store.js";
import { currentLanguage, firstLanguage, showLanguage } from "./words.js";

/** @typedef {import("./api.js").Settings} Settings */

const names = /** @type {const} */ (["temperature", "top_p", "max_tokens", "seed"]);

/** The fields of sampling. A field that is empty leaves it to the model, whose own value it shows. */
export class Sampling {
  #form = byId("settings", HTMLFormElement);
  #fields = names.map((name) => byId(name, HTMLInputElement));

  constructor() {
    for (const field of this.#fields) {
      field.value = lasting.get(field.name) ?? "";
      field.oninput = () => lasting.set(field.name, field.value === "" ? undefined : field.value);
    }
    this.#form.onreset = () => {
      for (const name of names) lasting.set(name, undefined);
    };
    this.#form.onsubmit = (event) => {
      event.preventDefault();
      this.#form.hidePopover();
    };
  }

  /**
   * Shows what a model does by itself.
   *
   * @param {Settings} defaults
   */
  set defaults(defaults) {
    for (const field of this.#fields) {
      const value = defaults[/** @type {keyof Settings} */ (field.name)];
      field.placeholder = value === undefined ? "" : String(value);
    }
  }

  /**
   * What is chosen; undefined if it is not possible, which the form then says.
   *
   * @returns {Settings | undefined}
   */
  get chosen() {
    if (!this.#form.checkValidity()) {
      this.#form.showPopover();
      this.#form.reportValidity();
      return undefined;
    }
    const filled = this.#fields.filter(({ value }) => value !== "");
    return Object.fromEntries(filled.map(({ name, valueAsNumber }) => [name, valueAsNumber]));
  }
}

/** Makes the buttons for language and colours work. */
export function setUpLooks() {
  const language = byId("language", HTMLButtonElement);
  const theme = byId("theme", HTMLButtonElement);
  const prefersDark = matchMedia("(prefers-color-scheme: dark)");
  const show = () => {
    const other = currentLanguage() === "en" ? "zh" : "en";
    language.textContent = other === "zh" ? "中文" : "English";
    language.lang = other;
    const chosen = lasting.get("theme");
    const isDark = chosen === undefined ? prefersDark.matches : chosen === "dark";
    document.documentElement.dataset.theme = isDark ? "dark" : "light";
    theme.ariaPressed = String(isDark);
  };
  language.onclick = () => {
    const other = currentLanguage() === "en" ? "zh" : "en";
    lasting.set("language", other);
    showLanguage(other);
    show();
  };
  theme.onclick = () => {
    lasting.set("theme", theme.ariaPressed === "true" ? "light" : "dark");
    show();
  };
  prefersDark.onchange = show;
  showLanguage(firstLanguage());
  show();
}
`,
  "store.js": `/**
 * What the browser keeps: texts by name, for good or until the tab is closed. Browsers may forbid it; then nothing is kept.
 *
 * @module
 */

const prefix = "minimind-v:";

/** Texts of one kind of storage. */
export class Store {
  /** @type {() => Storage} */
  #open;

  /** @param {() => Storage} open the storage, which a browser may refuse to give */
  constructor(open) {
    this.#open = open;
  }

  /**
   * The text kept under a name.
   *
   * @param {string} name
   * @returns {string | undefined}
   */
  get(name) {
    try {
      return this.#open().getItem(prefix + name) ?? undefined;
    } catch {
      return undefined;
    }
  }

  /**
   * Keeps a text, or forgets what was kept.
   *
   * @param {string} name
   * @param {string | undefined} text
   */
  set(name, text) {
    try {
      if (text === undefined) this.#open().removeItem(prefix + name);
      else this.#open().setItem(prefix + name, text);
    } catch {
      // It lasts as long as the page then.
    }
  }
}

/** For good: language, colours, settings. */
export const lasting = new Store(() => localStorage);

/** Until the tab is closed: the key. */
export const passing = new Store(() => sessionStorage);
`,
  "style.css": `:root {
  color-scheme: light dark;
  --back: light-dark(#f6f8f8, #121718);
  --surface: light-dark(#fff, #1b2224);
  --text: light-dark(#1b2224, #e8eced);
  --quiet: light-dark(#566166, #9eabb0);
  --line: light-dark(#d5dcdd, #334043);
  --accent: light-dark(#0b6b63, #5ccfc0);
  --on-accent: light-dark(#fff, #06231f);
  --soft: light-dark(#e0efed, #1d3b37);
  --wrong: light-dark(#a8201a, #ff9d94);
  --width: 46rem;
  font: 16px/1.55 system-ui, "Noto Sans CJK SC", "PingFang SC", "Microsoft YaHei", sans-serif;
}
:root[data-theme="light"] {
  color-scheme: light;
}
:root[data-theme="dark"] {
  color-scheme: dark;
}
* {
  box-sizing: border-box;
}
[hidden] {
  display: none !important;
}
body {
  margin: 0;
  height: 100dvh;
  display: grid;
  grid-template: auto minmax(0, 1fr) auto / minmax(0, 1fr);
  background: var(--back);
  color: var(--text);
  accent-color: var(--accent);
}
h1,
h2,
p,
ul {
  margin: 0;
  padding: 0;
  font-weight: inherit;
  font-size: inherit;
}
:focus-visible {
  outline: 2px solid var(--accent);
  outline-offset: 2px;
}
main:focus-visible {
  outline-offset: -3px;
}
.quiet {
  color: var(--quiet);
  font-size: 0.85rem;
}
.unseen {
  position: absolute;
  width: 1px;
  height: 1px;
  overflow: hidden;
  clip-path: inset(50%);
}

/* Controls */
button,
select,
input,
textarea {
  font: inherit;
  color: inherit;
}
button {
  display: inline-grid;
  place-items: center;
  flex: none;
  min-width: 2.5rem;
  height: 2.5rem;
  padding: 0;
  border: 0;
  border-radius: 0.7rem;
  background: none;
  cursor: pointer;
}
button:hover {
  background: var(--soft);
}
button.wide {
  padding: 0 0.8rem;
}
button.plain {
  height: auto;
  padding: 0.35rem 0.8rem;
  border: 1px solid var(--line);
  border-radius: 1rem;
  background: var(--surface);
  font-size: 0.9rem;
}
button.plain:hover {
  background: var(--soft);
}
button.strong {
  background: var(--accent);
  color: var(--on-accent);
}
button.strong:hover {
  background: color-mix(in oklab, var(--accent), var(--text) 18%);
}
button[aria-pressed="true"] {
  color: var(--accent);
}
svg {
  width: 1.4rem;
  height: 1.4rem;
  fill: none;
  stroke: currentColor;
  stroke-width: 1.8;
  stroke-linecap: round;
  stroke-linejoin: round;
}
svg .full {
  fill: currentColor;
}
select,
input {
  height: 2.5rem;
  min-width: 0;
  padding: 0 0.7rem;
  border: 1px solid var(--line);
  border-radius: 0.7rem;
  background: var(--surface);
}
::placeholder {
  color: var(--quiet);
  opacity: 1;
}

/* Above */
header {
  display: flex;
  align-items: center;
  gap: 0.75rem;
  padding: 0.5rem 1rem;
  border-bottom: 1px solid var(--line);
  background: var(--surface);
}
h1 {
  display: flex;
  align-items: center;
  gap: 0.6rem;
  font-weight: 650;
}
#model {
  max-width: 18rem;
  text-overflow: ellipsis;
}
.tools {
  display: flex;
  gap: 0.15rem;
  margin-left: auto;
}
#settings {
  position: fixed;
  inset: 3.9rem 1rem auto auto;
  width: min(21rem, calc(100vw - 2rem));
  max-height: calc(100dvh - 5rem);
  overflow-y: auto;
  margin: 0;
  padding: 1.1rem 1.2rem 1.2rem;
}
#settings:popover-open {
  display: grid;
  grid-template-columns: 1fr 7.5rem;
  align-items: center;
  gap: 0.6rem 1rem;
}
#settings :is(h2, p, button) {
  grid-column: 1 / -1;
}
#settings p {
  margin-top: -0.4rem;
}
#settings button {
  justify-self: start;
  margin-top: 0.3rem;
}
#settings input {
  width: 100%;
  appearance: textfield;
  text-align: right;
  font-variant-numeric: tabular-nums;
}
::-webkit-inner-spin-button {
  appearance: none;
}
#settings input:invalid {
  border-color: var(--wrong);
}
#settings,
dialog {
  border: 1px solid var(--line);
  border-radius: 1rem;
  background: var(--surface);
  color: var(--text);
  box-shadow: 0 12px 40px #0003;
}
#settings h2,
dialog h2 {
  font-weight: 650;
}

/* The conversation */
main {
  overflow-y: auto;
  overflow-wrap: anywhere;
  padding: 1.5rem 1rem;
  scrollbar-gutter: stable both-edges;
}
main > * {
  max-width: var(--width);
  margin: 0 auto;
}
#welcome {
  display: grid;
  justify-items: center;
  gap: 0.8rem;
  padding-top: 16vh;
  text-align: center;
}
#welcome h2 {
  font-size: 1.8rem;
  font-weight: 650;
  letter-spacing: -0.01em;
}
#welcome p {
  max-width: 30rem;
  font-size: 1rem;
}
#ideas {
  display: flex;
  flex-wrap: wrap;
  justify-content: center;
  gap: 0.5rem;
  margin-top: 0.6rem;
}
.turn {
  display: grid;
  gap: 0.5rem;
  margin-bottom: 2rem;
}
.asked {
  justify-self: end;
  display: grid;
  justify-items: end;
  gap: 0.5rem;
  max-width: 85%;
}
.asked p,
.answer {
  white-space: pre-wrap;
}
.asked p {
  padding: 0.6rem 1rem;
  border-radius: 1.1rem 1.1rem 0.3rem;
  background: var(--soft);
}
.images {
  display: flex;
  flex-wrap: wrap;
  justify-content: end;
  gap: 0.5rem;
}
.frame {
  display: grid;
}
.images :is(img, canvas) {
  grid-area: 1 / 1; /* a drawing lies on its image, and has its size */
  min-width: 6rem;
  min-height: 6rem;
  max-width: min(70vw, 16rem);
  max-height: 16rem;
  object-fit: contain;
  border: 1px solid var(--line);
  border-radius: 0.8rem;
}
.images img {
  background: var(--surface);
}
.who {
  margin-top: 0.4rem;
  color: var(--quiet);
  font-size: 0.85rem;
}
.answer[aria-busy="true"]::after {
  content: "";
  display: inline-block;
  width: 0.5em;
  height: 1.05em;
  margin-left: 0.1em;
  vertical-align: -0.15em;
  border-radius: 2px;
  background: var(--accent);
  animation: blink 1s steps(2, jump-none) infinite;
}
@keyframes blink {
  to {
    opacity: 0.2;
  }
}
.foot {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 0.4rem 0.8rem;
  min-height: 2rem;
}
.state span + span::before {
  content: " · ";
}
.state[role="alert"] {
  color: var(--wrong);
  font-size: 0.95rem;
}
.turn:not(:last-child) :is(.again, .look) {
  display: none;
}

/* Below */
#composer {
  width: min(100%, var(--width) + 2rem);
  margin: 0 auto;
  padding: 0 1rem 1rem;
}
#notice:empty {
  display: none;
}
#notice {
  padding: 0.3rem 0.8rem;
  color: var(--wrong);
}
#pictures {
  display: flex;
  flex-wrap: wrap;
  gap: 0.6rem;
  padding: 0 0.5rem 0.7rem;
  list-style: none;
}
#pictures li {
  position: relative;
}
#pictures img {
  display: block;
  width: 4.5rem;
  height: 4.5rem;
  object-fit: cover;
  border: 1px solid var(--line);
  border-radius: 0.8rem;
  background: var(--surface);
}
#pictures button {
  position: absolute;
  top: -0.45rem;
  right: -0.45rem;
  min-width: 1.6rem;
  height: 1.6rem;
  border-radius: 50%;
  background: var(--text);
  color: var(--surface);
  line-height: 1;
}
.row {
  display: flex;
  align-items: end;
  gap: 0.3rem;
  padding: 0.4rem;
  border: 1px solid var(--line);
  border-radius: 1.1rem;
  background: var(--surface);
  box-shadow: 0 2px 12px #0000000f;
}
.row:focus-within {
  border-color: var(--accent);
  box-shadow: 0 0 0 1px var(--accent);
}
textarea {
  flex: 1;
  min-width: 0;
  min-height: 2.5rem;
  max-height: 40dvh;
  padding: 0.45rem 0.4rem;
  border: 0;
  background: none;
  resize: none;
  field-sizing: content;
}
textarea:focus-visible {
  outline: none; /* the row around it shows it */
}
#where {
  display: flex;
  flex-wrap: wrap;
  align-items: center;
  gap: 0.2rem 0.8rem;
  min-height: 2rem;
  padding: 0.5rem 0.5rem 0;
}
#where label {
  display: inline-flex;
  align-items: center;
  gap: 0.5rem;
  cursor: pointer;
}
#local {
  appearance: none;
  flex: none;
  width: 2.3rem;
  height: 1.3rem;
  margin: 0;
  padding: 0;
  border: 1px solid var(--quiet);
  border-radius: 1rem;
  background: radial-gradient(circle at 0.6rem, var(--quiet) 0.4rem, transparent 0.45rem) var(--surface);
  cursor: inherit;
}
#local:checked {
  border-color: var(--accent);
  background: radial-gradient(circle at 1.55rem, var(--on-accent) 0.4rem, transparent 0.45rem) var(--accent);
}
#local-progress {
  width: 8rem;
  height: 0.5rem;
}
#drop {
  position: fixed;
  inset: 0.75rem;
  z-index: 1;
  display: none;
  place-items: center;
  border: 3px dashed var(--accent);
  border-radius: 1.2rem;
  background: color-mix(in oklab, var(--soft), transparent 8%);
  font-size: 1.4rem;
  font-weight: 650;
  pointer-events: none;
}
.dropping #drop {
  display: grid;
}
dialog {
  width: min(24rem, calc(100vw - 2rem));
  padding: 1.4rem;
}
dialog::backdrop {
  background: #0008;
}
dialog form {
  display: grid;
  gap: 0.6rem;
}
.buttons {
  display: flex;
  justify-content: end;
  gap: 0.6rem;
  margin-top: 0.6rem;
}
.buttons .plain {
  height: 2.5rem;
  border-radius: 0.7rem;
}
@media (max-width: 40rem) {
  header {
    gap: 0.5rem;
    padding: 0.4rem 0.6rem;
  }
  h1 span {
    position: absolute;
    width: 1px;
    height: 1px;
    overflow: hidden;
    clip-path: inset(50%);
  }
  #model {
    flex: 1;
  }
  .tools {
    margin-left: 0;
  }
  button.wide {
    padding: 0 0.4rem;
  }
  main {
    padding: 1rem 0.8rem;
  }
  #welcome {
    padding-top: 8vh;
  }
  #composer {
    padding: 0 0.6rem 0.6rem;
  }
}
@media (prefers-reduced-motion: reduce) {
  * {
    animation: none !important;
  }
}
`,
  "thread.js": `self.onmessage = ({ data: { module, memory, control, worker, idle } }) => {
  new WebAssembly.Instance(module, { env: { memory } }).exports.work(control, worker, idle);
  self.close();
};`,
  "turn_view.js": `/**
 * A question and its answer on the page. What anybody wrote is only ever text there.
 *
 * @module
 */
import { make } from "./dom.js";
import { drawOverlay } from "./overlay.js";
import { say, translate } from "./words.js";

/** @typedef {import("./api.js").Attention} Attention */

/** @typedef {import("./conversation.js").Turn} Turn */

/** Shows a turn. */
export class TurnView {
  /** The turn's element. */
  element = make("article", { className: "turn" });
  #text = new Text();
  #pending = "";
  #answer = make("div", { className: "answer", inside: [this.#text] });
  #who = make("h2", { className: "who" });
  #state = make("p", { className: "state quiet" });
  #again = make("button", { className: "plain again" });
  #look = make("button", { className: "plain look" });
  /** @type {HTMLSpanElement[]} */
  #frames;
  /** @type {readonly Attention[]} */
  #attention = [];
  /** @type {(grow: () => void) => void} */
  #onGrow;

  /**
   * @param {Turn} turn
   * @param {object} events
   * @param {() => void} events.onAgain called when another answer is wanted
   * @param {(attention: readonly Attention[]) => void} events.onLook called with where the answer looked when it is to be
   * shown, and with nothing when it is to be hidden
   * @param {(grow: () => void) => void} events.onGrow called with what makes the view longer
   */
  constructor({ question, pictures }, { onAgain, onLook, onGrow }) {
    this.#onGrow = onGrow;
    const images = this.#frames = pictures.map(({ name, url }) => {
      return make("span", { className: "frame", inside: [Object.assign(make("img"), { src: url, alt: name })] });
    });
    const asked = make("div", {
      className: "asked",
      inside: [
        make("h2", { className: "unseen", data: { word: "you" } }),
        ...images.length > 0 ? [make("div", { className: "images", inside: images })] : [],
        ...question !== "" ? [make("p", { inside: [question] })] : [],
      ],
    });
    this.#again.type = "button";
    this.#again.onclick = onAgain;
    this.#look.type = "button";
    this.#look.onclick = () => {
      const shown = this.#look.ariaPressed !== "true";
      this.#look.ariaPressed = String(shown);
      onLook(shown ? this.#attention : []);
    };
    this.#look.hidden = true;
    const foot = make("div", { className: "foot", inside: [this.#state, this.#again, this.#look] });
    this.element.append(asked, this.#who, this.#answer, foot);
    translate(this.element);
  }

  /**
   * An answer begins.
   *
   * @param {string} model
   */
  begin(model) {
    this.#who.textContent = model;
    this.#text.data = this.#pending = "";
    this.#answer.ariaBusy = "true"; // read out when it is whole, not letter by letter
    this.#state.replaceChildren();
    this.#state.removeAttribute("role");
    this.#again.hidden = this.#look.hidden = true;
  }

  /**
   * Draws where an answer looked over the turn's images, or nothing any more.
   *
   * @param {readonly Attention[]} attention one for each image; none to draw nothing
   * @param {import("./overlay.js").Range} range of the shares of all images
   */
  overlay(attention, range) {
    for (const [i, frame] of this.#frames.entries()) {
      frame.querySelector("canvas")?.remove();
      const image = /** @type {HTMLImageElement} */ (frame.firstElementChild);
      const shares = attention[i];
      if (shares !== undefined) frame.append(drawOverlay(image, shares, range));
    }
  }

  /**
   * A piece of it has come. It is shown with the next frame: laying out a long text takes longer than a token.
   *
   * @param {string} piece
   */
  append(piece) {
    if (this.#pending === "") requestAnimationFrame(() => this.#flush());
    this.#pending += piece;
  }

  #flush() {
    if (this.#pending === "") return;
    this.#onGrow(() => this.#text.appendData(this.#pending));
    this.#pending = "";
  }

  /**
   * It is over.
   *
   * @param {{ reason: string, tokens: number, rate: number, attention: readonly Attention[] }} end
   */
  finish({ reason, tokens, rate, attention }) {
    const stats = { tokens: String(tokens), rate: rate < 10 ? rate.toFixed(1) : rate.toFixed(0) };
    this.#end("regenerate", () => {
      this.#note("stats", stats);
      if (reason === "length") this.#note("length");
      if (attention.length === 0) return;
      const share = attention.flatMap(({ shares }) => shares).reduce((sum, one) => sum + one, 0);
      this.#attention = attention;
      this.#look.hidden = false;
      this.#look.ariaPressed = "false";
      say(this.#look, "look", { share: (100 * share).toFixed(0) });
    });
  }

  /** It was stopped. */
  stop() {
    this.#end("regenerate", () => this.#note("stopped"));
  }

  /**
   * There will be none, or no more of it.
   *
   * @param {string | undefined} problem the server's words; undefined if it cannot be reached
   */
  fail(problem) {
    this.#end("retry", () => {
      this.#state.role = "alert";
      if (problem !== undefined) this.#note("failed", { problem });
      else this.#note("unreachable");
    });
  }

  /**
   * @param {"regenerate" | "retry"} word
   * @param {() => void} note
   */
  #end(word, note) {
    this.#flush();
    this.#onGrow(() => {
      this.#answer.ariaBusy = "false";
      this.#again.hidden = false;
      say(this.#again, word);
      note();
    });
  }

  /**
   * @param {import("./words.js").Word} word
   * @param {Readonly<Record<string, string>>} [values]
   */
  #note(word, values) {
    const note = make("span");
    say(note, word, values);
    this.#state.append(note);
  }
}
`,
  "words.js": `/**
 * The page's words in English and Chinese. Elements name theirs: \`data-word\` is their text, \`data-label\` their name for
 * screen readers and the pointer, \`data-placeholder\` what an empty field shows; \`{tokens}\` stands for \`data-tokens\`.
 *
 * @module
 */
import { lasting } from "./store.js";

const english = {
  answers: "Answers",
  attach: "Choose images",
  brokenImage: "“{name}” is not an image that can be read here",
  cancel: "Cancel",
  clear: "New conversation",
  composer: "Question",
  continue: "Continue",
  conversation: "Conversation",
  dark: "Dark colours",
  defaults: "Back to the model’s defaults",
  drop: "Drop images here",
  failed: "{problem}",
  idea1: "Describe this image.",
  idea2: "What is in the picture?",
  idea3: "Which colours are there?",
  key: "API key",
  keyHint: "This server answers those who have one of its keys. It is kept until this tab is closed.",
  keyTitle: "A key, please",
  keyWrong: "The server does not know that key.",
  length: "cut at the limit of tokens",
  loading: "The model is being loaded…",
  local: "Run in this browser",
  localBroken: "This browser cannot run it",
  localFailed: "{problem}",
  localGraphics: "On your graphics processor: nothing you ask leaves this page",
  localLoading: "Loading the model…",
  localThread: "On one thread: nothing you ask leaves this page",
  localThreads: "On {threads} threads: nothing you ask leaves this page",
  look: "Where it looked ({share} % of its attention was on images)",
  maxTokens: "Most tokens of an answer",
  model: "Model",
  noModel: "No model",
  noImages: "This model cannot look at images",
  pictures: "Images to send",
  question: "Your question",
  questionHint: "Ask about images, or anything else",
  regenerate: "Answer again",
  remove: "Remove {name}",
  retry: "Try again",
  seed: "Seed",
  seedHint: "Empty: another answer each time.",
  send: "Send",
  settings: "Sampling",
  stats: "{tokens} tokens, {rate} a second",
  stop: "Stop",
  stopped: "stopped",
  temperature: "Temperature",
  temperatureHint: "0 takes the likeliest word each time.",
  topP: "Top-p",
  topPHint: "Draws from the likeliest words that make up this share.",
  unreachable: "the server cannot be reached",
  welcome: "Ask about an image",
  welcomeHint:
    "Drop, paste or choose one or several, and ask away. They stay with the server that this page came from.",
  you: "You",
};

/** @typedef {keyof typeof english} Word */

/** @type {Readonly<Record<Word, string>>} */
const chinese = {
  answers: "回答",
  attach: "选择图片",
  brokenImage: "“{name}”不是这里能读取的图片",
  cancel: "取消",
  clear: "新对话",
  composer: "提问",
  continue: "继续",
  conversation: "对话",
  dark: "深色模式",
  defaults: "恢复模型默认值",
  drop: "把图片拖放到这里",
  failed: "没有回答：{problem}",
  idea1: "描述这张图片。",
  idea2: "图里有什么？",
  idea3: "图中有哪些颜色？",
  key: "API 密钥",
  keyHint: "这个服务只回答持有密钥的人。密钥保留到标签页关闭为止。",
  keyTitle: "请输入密钥",
  keyWrong: "服务器不认识这个密钥。",
  length: "已达到 token 上限",
  loading: "正在加载模型……",
  local: "在本浏览器中运行",
  localBroken: "此浏览器无法运行它",
  localFailed: "无法在此运行：{problem}",
  localGraphics: "使用你的图形处理器：你的提问不会离开本页面",
  localLoading: "正在加载模型……",
  localThread: "单线程运行：你的提问不会离开本页面",
  localThreads: "{threads} 个线程运行：你的提问不会离开本页面",
  look: "它看了哪里（{share}% 的注意力在图片上）",
  maxTokens: "回答的最大 token 数",
  model: "模型",
  noModel: "没有模型",
  noImages: "这个模型看不了图片",
  pictures: "待发送的图片",
  question: "你的问题",
  questionHint: "就图片提问，或者随便聊聊",
  regenerate: "重新回答",
  remove: "移除 {name}",
  retry: "重试",
  seed: "随机种子",
  seedHint: "留空则每次回答都不同。",
  send: "发送",
  settings: "采样设置",
  stats: "{tokens} 个 token，每秒 {rate} 个",
  stop: "停止",
  stopped: "已停止",
  temperature: "温度",
  temperatureHint: "为 0 时每次都取可能性最大的词。",
  topP: "Top-p",
  topPHint: "只从累计概率达到此值的最可能的词中抽取。",
  unreachable: "无法连接服务器",
  welcome: "就图片提问",
  welcomeHint: "拖放、粘贴或选择一张或多张图片，然后提问。图片只会发给提供本页面的服务器。",
  you: "你",
};

const languages = {
  en: { words: english, tag: "en" },
  zh: { words: chinese, tag: "zh-CN" },
};

/** @typedef {keyof typeof languages} Language */

/**
 * The language that was chosen, or the browser's.
 *
 * @returns {Language}
 */
export function firstLanguage() {
  const chosen = lasting.get("language") ?? navigator.language;
  return chosen.toLowerCase().startsWith("zh") ? "zh" : "en";
}

/**
 * The language of the page.
 *
 * @returns {Language}
 */
export function currentLanguage() {
  return document.documentElement.lang.startsWith("zh") ? "zh" : "en";
}

/**
 * Shows the whole page in a language.
 *
 * @param {Language} language
 */
export function showLanguage(language) {
  document.documentElement.lang = languages[language].tag;
  translate(document.body);
}

/**
 * Fills an element, and those in it, with the words that they name.
 *
 * @param {HTMLElement} root
 */
export function translate(root) {
  const named = /** @type {NodeListOf<HTMLElement>} */ (root.querySelectorAll(
    "[data-word],[data-label],[data-placeholder]",
  ));
  for (const element of [root, ...named]) {
    const { word, label, placeholder } = element.dataset;
    if (word !== undefined) element.textContent = wordFor(word, element);
    if (label !== undefined) {
      element.ariaLabel = wordFor(label, element);
      if (element instanceof HTMLButtonElement) element.title = element.ariaLabel;
    }
    if (placeholder !== undefined) element.setAttribute("placeholder", wordFor(placeholder, element));
  }
}

/**
 * Says something with an element: a word, and what stands in its gaps.
 *
 * @param {HTMLElement} element
 * @param {Word} word
 * @param {Readonly<Record<string, string>>} [values]
 */
export function say(element, word, values = {}) {
  Object.assign(element.dataset, { word, ...values });
  translate(element);
}

/**
 * @param {string} word
 * @param {HTMLElement} element
 */
function wordFor(word, { dataset }) {
  const { words } = languages[currentLanguage()];
  return words[/** @type {Word} */ (word)].replace(/\\{(\\w+)\\}/g, (_, name) => dataset[name] ?? "");
}
`,
};
