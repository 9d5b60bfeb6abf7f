/**
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
