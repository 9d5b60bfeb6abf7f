/**
 * A question and its answer on the page. What anybody wrote is only ever text there.
 *
 * @module
 */
import { make } from "./dom.js";
import { say, translate } from "./words.js";

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
  /** @type {(grow: () => void) => void} */
  #onGrow;

  /**
   * @param {Turn} turn
   * @param {{ onAgain: () => void, onGrow: (grow: () => void) => void }} events `onAgain` is called when another answer
   * is wanted, `onGrow` with what makes the view longer
   */
  constructor({ question, pictures }, { onAgain, onGrow }) {
    this.#onGrow = onGrow;
    const images = pictures.map(({ name, url }) => Object.assign(make("img"), { src: url, alt: name }));
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
    const foot = make("div", { className: "foot", inside: [this.#state, this.#again] });
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
    this.#again.hidden = true;
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
   * @param {{ reason: string, tokens: number, rate: number }} end
   */
  finish({ reason, tokens, rate }) {
    const stats = { tokens: String(tokens), rate: rate < 10 ? rate.toFixed(1) : rate.toFixed(0) };
    this.#end("regenerate", () => {
      this.#note("stats", stats);
      if (reason === "length") this.#note("length");
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
