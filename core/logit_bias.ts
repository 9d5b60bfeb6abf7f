/**
 * What is added to the logits of a sequence before an id is drawn: a bias of the caller, penalties for ids of the answer,
 * bans.
 *
 * @module
 */
import type { TokenConstraint } from "./constraint.ts";
import type { SamplingOptions } from "./sampling.ts";

/** Options of {@link createLogitBias}. */
export interface LogitBiasOptions {
  /** Ids of the vocabulary. */
  readonly vocabulary: number;
  /** Bias and penalties. */
  readonly sampling?: SamplingOptions | undefined;
  /** Ids that end the answer. */
  readonly stopIds: readonly number[];
  /** Ids to draw before one of `stopIds` may come. Default 0. */
  readonly minTokens?: number | undefined;
  /** Most ids to draw. */
  readonly maxNewTokens: number;
  /** Keeps the answer in a form. Default none. */
  readonly constraint?: TokenConstraint | undefined;
}

/** What a repetition costs: it comes only where nothing else may. */
const banned = -1e4;

/**
 * What is added to a sequence's logits, or undefined where nothing ever is, so that the plain program may draw.
 *
 * @throws {RangeError} if an id of `logitBias` is not in the vocabulary, or its bias outside −100…100
 */
export function createLogitBias(options: LogitBiasOptions): LogitBias | undefined {
  const { sampling = {}, minTokens = 0, constraint } = options;
  const { logitBias = {}, presencePenalty = 0, frequencyPenalty = 0, noRepeatNgramSize = 0 } = sampling;
  const fixed = Object.entries(logitBias).map(([id, bias]): [number, number] => {
    const fail = (problem: string) => new RangeError(`Cannot bias id ${id} by ${bias}: ${problem}`);
    if (!/^\d+$/.test(id) || Number(id) >= options.vocabulary) {
      throw fail(`the vocabulary has ids from 0 to ${options.vocabulary - 1}`);
    }
    if (!(Math.abs(bias) <= 100)) throw fail("it must be from -100 to 100");
    return [Number(id), bias];
  });
  const moves = presencePenalty !== 0 || frequencyPenalty !== 0 || noRepeatNgramSize > 0 || constraint !== undefined;
  if (fixed.length === 0 && !moves && minTokens === 0) return undefined;
  return new LogitBias(fixed, { ...options, moves });
}

/** The bias of one sequence. */
export class LogitBias {
  readonly #fixed: readonly (readonly [id: number, bias: number])[];
  readonly #options: LogitBiasOptions & { readonly moves: boolean };
  readonly #values: Float32Array;
  readonly #drawn: number[] = [];
  readonly #counts = new Map<number, number>();
  #current = false;
  #version = 0;

  /** Use {@link createLogitBias}. */
  constructor(
    fixed: readonly (readonly [id: number, bias: number])[],
    options: LogitBiasOptions & { readonly moves: boolean },
  ) {
    this.#fixed = fixed;
    this.#options = options;
    this.#values = new Float32Array(options.vocabulary);
  }

  /** What is added before the next draw, `[V]`. */
  get values(): Float32Array {
    this.#update();
    return this.#values;
  }

  /** Another number for each time that the values change. */
  get version(): number {
    this.#update();
    return this.#version;
  }

  /** Draws before which the values stay what they are, the next one among them. */
  get steady(): number {
    const { moves, minTokens = 0 } = this.#options;
    if (moves) return 1;
    return this.#drawn.length < minTokens ? minTokens - this.#drawn.length : Infinity;
  }

  /** Takes an id that was drawn. */
  note(id: number): void {
    const { moves, minTokens = 0, constraint } = this.#options;
    constraint?.accept(id);
    this.#drawn.push(id);
    this.#counts.set(id, (this.#counts.get(id) ?? 0) + 1);
    if (moves || this.#drawn.length === minTokens) this.#current = false;
  }

  #update(): void {
    if (this.#current) return;
    this.#current = true;
    this.#version++;
    const { sampling = {}, stopIds, minTokens = 0, maxNewTokens, constraint } = this.#options;
    const { presencePenalty = 0, frequencyPenalty = 0, noRepeatNgramSize = 0 } = sampling;
    const values = this.#values.fill(0);
    for (const [id, bias] of this.#fixed) values[id] = bias;
    for (const [id, count] of this.#counts) values[id]! -= presencePenalty + frequencyPenalty * count;
    for (const id of repetitions(this.#drawn, noRepeatNgramSize)) values[id]! += banned;
    if (this.#drawn.length < minTokens) { for (const id of stopIds) values[id] = -Infinity; }
    constraint?.restrict(values, maxNewTokens - this.#drawn.length);
  }
}

/** Ids that would make the last `size` ids a sequence that came before; none for size 0. */
function repetitions(ids: readonly number[], size: number): Set<number> {
  const found = new Set<number>();
  if (size === 0) return found;
  const start = ids.length - size + 1; // of the ids that the next one follows
  for (let i = 0; i < start; i++) {
    let same = 0;
    while (same < size - 1 && ids[i + same] === ids[start + same]) same++;
    if (same === size - 1) found.add(ids[i + same]!);
  }
  return found;
}
