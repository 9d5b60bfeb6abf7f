/**
 * Choices that depend on a seed and a name alone: the same for a photo whatever comes before it.
 *
 * @module
 */
import { uniform } from "../../../../core/sampling.ts";

/** Draws by chance. */
export class Draws {
  readonly #seed: number;
  #count = 0;

  /** Begins the stream of a seed and a name. */
  constructor(seed: number, name: string) {
    this.#seed = [...name].reduce((hash, letter) => Math.imul(hash, 31) + letter.codePointAt(0)! | 0, seed);
  }

  /** A number from 0 to below 1. */
  next(): number {
    return uniform(this.#seed, this.#count++);
  }

  /** Whether something happens that happens with this probability. */
  chance(probability: number): boolean {
    return this.next() < probability;
  }

  /** One of a list. */
  pick<Item>(list: readonly Item[]): Item {
    return list[Math.floor(this.next() * list.length)]!;
  }

  /** The list in another order (Fisher and Yates). */
  shuffle<Item>(list: readonly Item[]): Item[] {
    const order = [...list];
    for (let last = order.length - 1; last > 0; last--) {
      const other = Math.floor(this.next() * (last + 1));
      [order[last], order[other]] = [order[other]!, order[last]!];
    }
    return order;
  }
}
