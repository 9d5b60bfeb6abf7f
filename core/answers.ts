/**
 * Answers under way: what each wants of the next step, and what it makes of what was drawn.
 *
 * @module
 */
import { type BeamLimits, type BeamOptions, BeamSearch } from "./beam_search.ts";
import type { RowDecoder } from "./row_decoder.ts";
import { beginSequence, type Sequence, type SequenceStart } from "./sequence.ts";

/** What an answer gets of a step. */
export interface Drawn {
  /** The id that was drawn for each of its sequences. */
  readonly ids: Int32Array;
  /** What they were drawn from, `[V]` each; only for answers that look at them. */
  readonly probabilities: readonly Float32Array[];
}

/** An answer under way. */
export interface Answer {
  /** Rows of the KV cache it needs. */
  readonly rows: number;
  /** Whether it looks at probabilities. */
  readonly searches: boolean;
  /** The sequences that take part in the next step; before the first draw the one that takes in the prompt. */
  readonly sequences: readonly Sequence[];
  /** Whether no step is wanted any more. */
  readonly ended: boolean;
  /** Begins behind a prompt, whose cache will be in the first of its rows. */
  begin(rows: readonly number[], start: Omit<SequenceStart, "row" | "sampling">): void;
  /** Takes what was drawn and gives the ids that are certain now. */
  take(drawn: Drawn): readonly number[];
}

/** An answer that takes each id as it is drawn. */
export class SampledAnswer implements Answer {
  readonly rows = 1;
  readonly searches = false;
  sequences: readonly Sequence[] = [];
  ended = false;
  readonly #sampling: SequenceStart["sampling"];
  readonly #limits: BeamLimits;

  /** Takes how ids are drawn and where the answer ends. */
  constructor(sampling: SequenceStart["sampling"], limits: BeamLimits) {
    this.#sampling = sampling;
    this.#limits = limits;
  }

  begin([row]: readonly number[], start: Omit<SequenceStart, "row" | "sampling">): void {
    this.sequences = [beginSequence({ ...start, row: row!, sampling: this.#sampling })];
  }

  take({ ids }: Drawn): readonly number[] {
    const { stopIds, maxNewTokens } = this.#limits;
    this.ended = stopIds.includes(ids[0]!) || this.sequences[0]!.draws >= maxNewTokens;
    return [ids[0]!];
  }
}

/** An answer that follows several sequences and gives the best one at its end. */
export class BeamAnswer implements Answer {
  readonly rows: number;
  readonly searches = true;
  sequences: readonly Sequence[] = [];
  ended = false;
  readonly #search: BeamSearch;
  readonly #decoder: RowDecoder;
  #rows: readonly number[] = [];

  /** Takes what moves rows and how the search goes. */
  constructor(decoder: RowDecoder, options: BeamOptions, limits: BeamLimits) {
    this.#decoder = decoder;
    this.#search = new BeamSearch(options, limits);
    this.rows = options.count;
  }

  begin(rows: readonly number[], start: Omit<SequenceStart, "row" | "sampling">): void {
    this.#rows = rows;
    this.sequences = rows.slice(0, 1).map((row) => beginSequence({ ...start, row, sampling: { temperature: 1 } }));
  }

  take({ probabilities }: Drawn): readonly number[] {
    const next = this.#search.take(probabilities);
    if (next.length === 0) {
      this.ended = true;
      return this.#search.best;
    }
    // The first continuation of a sequence keeps its row; others get rows that nobody continues, and a copy.
    const parents = next.map(({ from }) => this.sequences[from]!);
    const spare = this.#rows.filter((row) => parents.every((parent) => parent.row !== row));
    const kept = new Set<Sequence>();
    this.sequences = next.map(({ id }, i): Sequence => {
      const parent = parents[i]!;
      const row = kept.has(parent) ? spare.pop()! : parent.row;
      kept.add(parent);
      if (row !== parent.row) this.#decoder.copy({ from: parent.row, to: row });
      return { ...parent, row, token: id };
    });
    return [];
  }
}
