/**
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
