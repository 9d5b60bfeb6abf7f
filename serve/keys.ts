/**
 * Checks keys without telling by the time it takes how much of one was right.
 *
 * @module
 */

import { ConfigError } from "../core/errors.ts";

/** Keys of which only digests are kept. */
export class Keys {
  readonly #digests: Promise<readonly Uint8Array[]>;

  /**
   * Takes the keys.
   *
   * @throws {ConfigError} if one is empty, as that of a variable that is not set: it would let anybody in
   */
  constructor(keys: readonly string[]) {
    if (keys.some((key) => key.trim() === "")) throw new ConfigError("Cannot take the keys: one of them is empty");
    this.#digests = Promise.all(keys.map(digest));
  }

  /** Whether a key is one of them. Every digest is compared, to its last byte. */
  async has(key: string): Promise<boolean> {
    const given = await digest(key);
    let found = 0;
    for (const known of await this.#digests) {
      let differs = 0;
      for (let i = 0; i < given.length; i++) differs |= given[i]! ^ known[i]!;
      found |= Number(differs === 0);
    }
    return found === 1;
  }
}

async function digest(text: string): Promise<Uint8Array> {
  return new Uint8Array(await crypto.subtle.digest("SHA-256", new TextEncoder().encode(text)));
}
