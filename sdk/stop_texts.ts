/**
 * Stop texts in a stream: an answer ends where one begins, even when it comes in pieces.
 *
 * @module
 */

/** Passes text through until a stop text appears, and holds back what could be the start of one. */
export class StopTexts {
  readonly #stops: readonly string[];
  #held = "";
  #found = false;

  /**
   * Takes the texts to look for.
   *
   * @throws {RangeError} if one is empty
   */
  constructor(stops: readonly string[]) {
    if (stops.includes("")) throw new RangeError("Cannot stop at an empty text");
    this.#stops = stops;
  }

  /** Whether a stop text has come. */
  get found(): boolean {
    return this.#found;
  }

  /** Takes text and gives what certainly belongs to the answer. */
  push(text: string): string {
    if (this.#found) return "";
    const all = this.#held + text;
    const places = this.#stops.map((stop) => all.indexOf(stop)).filter((place) => place >= 0);
    if (places.length > 0) {
      this.#found = true;
      this.#held = "";
      return all.slice(0, Math.min(...places));
    }
    const keep = all.length - this.#heldLength(all);
    this.#held = all.slice(keep);
    return all.slice(0, keep);
  }

  /** Gives what was held back, at the end of the answer. */
  flush(): string {
    const rest = this.#held;
    this.#held = "";
    return rest;
  }

  /** Length of the longest end of a text that a stop text begins with. */
  #heldLength(text: string): number {
    for (let length = Math.max(0, ...this.#stops.map((stop) => stop.length - 1)); length > 0; length--) {
      if (length <= text.length && this.#stops.some((stop) => stop.startsWith(text.slice(-length)))) return length;
    }
    return 0;
  }
}
