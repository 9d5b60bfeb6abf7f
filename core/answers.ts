/**
 * Answers under way: what each wants of the next step, and what it makes of what was drawn.
 *
 * @module
 */
import { type BeamLimits, type BeamOptions, BeamSearch } from "./beam_search.ts";
import { createLogitBias, type LogitBias, type LogitBiasOptions } from "./logit_bias.ts";
import { type DrawnLogprob, logprobsOf } from "./logprobs.ts";
import type { RowDecoder } from "./row_decoder.ts";
import { samplingSettings } from "./sampling.ts";
import { beginSequence, type Sequence, type SequenceStart } from "./sequence.ts";

/** What a program puts out beside the ids that it draws. */
export type DrawOutput = "logits" | "probabilities";

/** What an answer gets of a step. */
export interface Drawn {
  /** The id that was drawn for each of its sequences. */
  readonly ids: Int32Array;
  /** The output that the answer reads, `[V]` for each of its sequences; none if it reads none. */
  readonly output: readonly Float32Array[];
}

/** An id of an answer, and how likely it was where that is asked for. */
export interface GeneratedToken extends Partial<DrawnLogprob> {
  /** The id. */
  readonly id: number;
}

/** An answer under way. */
export interface Answer {
  /** Rows of the KV cache it needs. */
  readonly rows: number;
  /** The output that it looks at. */
  readonly reads: DrawOutput | undefined;
  /** The sequences that take part in the next step; before the first draw the one that takes in the prompt. */
  readonly sequences: readonly Sequence[];
  /** Steps that are wanted as they are, unless an id ends it; more may be once they are taken. */
  readonly foreseen: number;
  /** Whether no step is wanted any more. */
  readonly ended: boolean;
  /** Begins behind a prompt, whose cache will be in the first of its rows. */
  begin(rows: readonly number[], start: Omit<SequenceStart, "row" | "sampling">): void;
  /** Takes what was drawn and gives the tokens that are certain now. */
  take(drawn: Drawn): readonly GeneratedToken[];
}

/** How ids of an answer are drawn and where it ends. */
export interface SampledOptions extends LogitBiasOptions {
  /** How many of the likeliest ids are told with each; undefined tells no log-probabilities at all. */
  readonly topLogprobs?: number | undefined;
}

/** An answer that takes each id as it is drawn. */
export class SampledAnswer implements Answer {
  readonly rows = 1;
  sequences: readonly Sequence[] = [];
  ended = false;
  readonly #options: SampledOptions;
  readonly #bias: LogitBias | undefined;

  /**
   * Takes how ids are drawn and where the answer ends.
   *
   * @throws {RangeError} if a setting is outside its range
   */
  constructor(options: SampledOptions) {
    samplingSettings(options.sampling);
    this.#options = options;
    this.#bias = createLogitBias(options);
  }

  get reads(): DrawOutput | undefined {
    const { topLogprobs, constraint } = this.#options;
    return topLogprobs !== undefined || constraint?.pressed === true ? "logits" : undefined;
  }

  get foreseen(): number {
    if (this.reads !== undefined) return 1;
    return Math.min(this.#options.maxNewTokens - this.sequences[0]!.draws, this.#bias?.steady ?? Infinity);
  }

  begin([row]: readonly number[], start: Omit<SequenceStart, "row" | "sampling">): void {
    this.sequences = [beginSequence({ ...start, row: row!, sampling: this.#options.sampling, bias: this.#bias })];
  }

  take({ ids, output }: Drawn): readonly GeneratedToken[] {
    const { stopIds, maxNewTokens, constraint, topLogprobs: top } = this.#options;
    const id = ids[0]!;
    if (constraint?.pressed === true) constraint.weigh?.(output[0]!);
    this.ended = stopIds.includes(id) || this.sequences[0]!.draws >= maxNewTokens || constraint?.ended === true;
    return [top === undefined ? { id } : logprobsOf(output[0]!, { id, top })];
  }
}

/** An answer that follows several sequences and gives the best one at its end. */
export class BeamAnswer implements Answer {
  readonly rows: number;
  readonly reads = "probabilities";
  readonly foreseen = 1;
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

  take({ output }: Drawn): readonly GeneratedToken[] {
    const next = this.#search.take(output);
    if (next.length === 0) {
      this.ended = true;
      return this.#search.best.map((id) => ({ id }));
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
