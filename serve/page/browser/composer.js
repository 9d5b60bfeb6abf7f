/**
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
