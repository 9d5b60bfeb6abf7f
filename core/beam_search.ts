/**
 * Beam search on probabilities alone: which continuations are kept, which endings win.
 *
 * @module
 */

/** How a beam search goes. */
export interface BeamOptions {
  /** Sequences that are followed at once, above 0; 1 takes the likeliest id each time. */
  readonly count: number;
  /**
   * Power of the length by which the sum of log-probabilities is divided when sequences that have ended are compared;
   * the id that ends one counts. 0 compares the sums, which favours short ones; 1 the means. Default 0.5.
   */
  readonly lengthPenalty?: number | undefined;
}

/** Where sequences of a search end. */
export interface BeamLimits {
  /** Ids that end a sequence; the one that does is part of it. */
  readonly stopIds: readonly number[];
  /** Most ids of a sequence. */
  readonly maxNewTokens: number;
}

/** How a sequence that is followed came about. */
export interface Continuation {
  /** Which of those followed before it continues. */
  readonly from: number;
  /** The id it continues it with. */
  readonly id: number;
}

/** A sequence of ids after the prompt. */
interface Beam {
  readonly ids: readonly number[];
  /** Sum of the log-probabilities of its ids. */
  readonly sum: number;
}

/** A beam one id longer. */
interface Candidate extends Continuation {
  readonly sum: number;
}

/** Default of {@link BeamOptions.lengthPenalty}. */
export const defaultLengthPenalty = 0.5;

/**
 * Follows the `count` likeliest sequences of each length. A sequence that ends is set aside if it is likelier than the
 * last of those; the search is over when none that is followed can come to a higher score than the best ending. Of equal
 * ones the earlier beam goes first, then the lower id.
 */
export class BeamSearch {
  readonly #count: number;
  readonly #lengthPenalty: number;
  readonly #limits: BeamLimits;
  #live: readonly Beam[] = [{ ids: [], sum: 0 }];
  #best: { readonly beam: Beam; readonly score: number } | undefined;

  /**
   * Begins with the prompt alone.
   *
   * @throws {RangeError} if `count` is not a whole number above 0 or `lengthPenalty` not a finite one
   */
  constructor({ count, lengthPenalty = defaultLengthPenalty }: BeamOptions, limits: BeamLimits) {
    if (!Number.isInteger(count) || count < 1) {
      throw new RangeError(`Cannot search with ${count} beams: it must be a whole number above 0`);
    }
    if (!Number.isFinite(lengthPenalty)) {
      throw new RangeError(`Cannot search with lengthPenalty ${lengthPenalty}: it must be a finite number`);
    }
    this.#count = count;
    this.#lengthPenalty = lengthPenalty;
    this.#limits = limits;
  }

  /**
   * Takes the probabilities of the next id, `[V]` for each sequence that is followed, in their order, and gives those
   * that are followed from now on; none when the search is over.
   */
  take(probabilities: readonly Float32Array[]): readonly Continuation[] {
    const { stopIds, maxNewTokens } = this.#limits;
    const width = this.#count + stopIds.length;
    const candidates = this.#live.flatMap(({ sum }, from): Candidate[] => {
      return likeliest(probabilities[from]!, width).map(([id, p]) => ({ from, id, sum: sum + Math.log(p) }));
    }).sort((a, b) => b.sum - a.sum); // stable: beams stay in order, and so do their ids
    const live: Candidate[] = [];
    for (const candidate of candidates) {
      if (live.length === this.#count) break;
      if (stopIds.includes(candidate.id)) this.#end(this.#extend(candidate));
      else live.push(candidate);
    }
    const beams = live.map((candidate) => this.#extend(candidate));
    const length = this.#live[0]!.ids.length + 1;
    if (length === maxNewTokens) { for (const beam of beams) this.#end(beam); }
    const hopeful = length < maxNewTokens && beams.some((beam) => this.#mayWin(beam));
    this.#live = hopeful ? beams : [];
    return hopeful ? live.map(({ from, id }) => ({ from, id })) : [];
  }

  /**
   * Ids of the best sequence that has ended.
   *
   * @throws {Error} before the search is over
   */
  get best(): readonly number[] {
    if (this.#best === undefined || this.#live.length > 0) {
      throw new Error("Cannot tell the best beam: none has won yet");
    }
    return this.#best.beam.ids;
  }

  /** Its score: the sum of its log-probabilities over its length to the power of `lengthPenalty`. */
  get score(): number {
    return this.#best?.score ?? -Infinity;
  }

  #extend({ from, id, sum }: Candidate): Beam {
    return { ids: [...this.#live[from]!.ids, id], sum };
  }

  #end(beam: Beam): void {
    const score = this.#score(beam.sum, beam.ids.length);
    if (this.#best === undefined || score > this.#best.score) this.#best = { beam, score };
  }

  /** A sum only falls, so the best that a beam can come to is its sum over the length that suits it most. */
  #mayWin({ ids, sum }: Beam): boolean {
    if (this.#best === undefined) return true;
    const { maxNewTokens } = this.#limits;
    return Math.max(this.#score(sum, ids.length + 1), this.#score(sum, maxNewTokens)) > this.#best.score;
  }

  #score(sum: number, length: number): number {
    return sum / length ** this.#lengthPenalty;
  }
}

/** The `count` likeliest ids and their probabilities, likeliest first; those of probability 0 are left out. */
function likeliest(probabilities: Float32Array, count: number): [id: number, probability: number][] {
  const best: [number, number][] = [];
  let least = 0;
  for (let id = 0; id < probabilities.length; id++) {
    const p = probabilities[id]!;
    if (!(p > least)) continue;
    let place = best.length;
    while (place > 0 && best[place - 1]![1] < p) place--;
    best.splice(place, 0, [id, p]);
    if (best.length > count) best.pop();
    if (best.length === count) least = best.at(-1)![1];
  }
  return best;
}
