/**
 * Generation on token ids: prefill, decode, stop, stream; several answers at once.
 *
 * @module
 */
import { type Answer, BeamAnswer, type DrawOutput, type GeneratedToken, SampledAnswer } from "./answers.ts";
import type { Backend } from "./backend.ts";
import type { BeamOptions } from "./beam_search.ts";
import type { TokenConstraint } from "./constraint.ts";
import type { Draws } from "./drawing_program.ts";
import type { VisionLanguageModel } from "./model.ts";
import { commonLength, type PromptOptions, PromptTokens } from "./prompt_tokens.ts";
import { type Piece, RowDecoder, type RowDecoderOptions } from "./row_decoder.ts";
import { RowQueue } from "./row_queue.ts";
import type { SamplingOptions } from "./sampling.ts";

/** Options of {@link createGenerator}. */
export type GeneratorOptions = RowDecoderOptions;

/** One answer wanted. */
export interface GenerateOptions extends PromptOptions {
  /** How ids are drawn. Default greedy. */
  readonly sampling?: SamplingOptions | undefined;
  /** Looks for the likeliest answer instead of drawing, and gives all of its ids at the end. Default none. */
  readonly beams?: BeamOptions | undefined;
  /** Most ids to draw. Default what the context has left. */
  readonly maxNewTokens?: number | undefined;
  /** Ids that end the answer; the one that does is still given. Default none. */
  readonly stopIds?: readonly number[] | undefined;
  /** Ids to draw before one of `stopIds` may come. Default 0. */
  readonly minTokens?: number | undefined;
  /** Keeps the answer in a form; it follows one answer. Default none. */
  readonly constraint?: TokenConstraint | undefined;
  /** Tells how likely each id was, and as many of the likeliest in its place; up to 20. Default it tells nothing. */
  readonly topLogprobs?: number | undefined;
  /** Ends the answer early with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
  /** Told once the prompt is taken in, and how many of its ids were still in the cache. */
  readonly onPrefill?: ((prefill: { readonly reused: number }) => void) | undefined;
}

/** An answer, what is left of its prompt, and who waits for it. */
interface Running {
  readonly answer: Answer;
  readonly prompt: PromptTokens;
  pieces: Piece[];
  readonly signal: AbortSignal | undefined;
  readonly onPrefill: GenerateOptions["onPrefill"];
  /** Ids of the prompt that some row of the cache had. */
  reused: number;
  /** Tokens that are certain and not yet given. */
  readonly tokens: GeneratedToken[];
  /** Whether its reader was waited for in vain; then nobody waits for it until it asks. */
  late: boolean;
  /** Set while its reader wants a token that is not there yet. */
  asked?: { readonly resolve: () => void; readonly reject: (reason: unknown) => void } | undefined;
}

/** Longest time in milliseconds between two chances for the event loop to fire a timer or an abort. */
const patience = 50;

/** Tokens that another row must have of a prompt to be copied. */
const leastBorrowed = 16;

/** Creates a generator. Its programs are planned and loaded when first needed. */
export function createGenerator(
  backend: Backend,
  model: VisionLanguageModel,
  options: GeneratorOptions,
): TokenGenerator {
  return new TokenGenerator(backend, model, options);
}

/**
 * Answers prompts, as many at once as its KV cache has rows; more wait their turn. Answers begin and end at any time,
 * all those that are read take part in each step, and what one draws depends on no other.
 */
export class TokenGenerator implements Disposable {
  /** Positions of a row of the KV cache: prompt and answer together. */
  readonly context: number;
  /** Answers at once. */
  readonly rows: number;
  readonly #model: VisionLanguageModel;
  readonly #decoder: RowDecoder;
  readonly #queue: RowQueue;
  readonly #running = new Set<Running>();
  #stepping = false;
  #allAsk: (() => void) | undefined;
  #drawn: Draws | undefined;
  #lastPause = performance.now();

  /**
   * Use {@link createGenerator}.
   *
   * @throws {RangeError} if the context is longer than the decoder's positions, or there is no row
   */
  constructor(backend: Backend, model: VisionLanguageModel, options: GeneratorOptions) {
    this.#model = model;
    this.#decoder = new RowDecoder(backend, model, options);
    this.#queue = new RowQueue(this.#decoder.rows);
    this.context = this.#decoder.context;
    this.rows = this.#decoder.rows;
  }

  /**
   * Draws ids after a prompt, one by one as they come.
   *
   * Same prompt, settings and seed give the same ids on every backend, whatever else is generated. What the prompt
   * shares from its start on with what a row holds is not taken in again.
   *
   * @throws {RangeError} if the prompt is empty, has an id outside the vocabulary, or overflows the context; if there
   * are more beams than rows, or a setting is out of range
   * @throws {PlaceholderError} if images and markers do not fit
   * @throws the signal's reason once it is aborted
   */
  async *generate(options: GenerateOptions): AsyncGenerator<number, void, void> {
    for await (const { id } of this.tokens(options)) yield id;
  }

  /**
   * Draws ids as {@link generate} does, and tells how likely each was where `topLogprobs` asks for it.
   *
   * @throws what {@link generate} throws
   */
  async *tokens(options: GenerateOptions): AsyncGenerator<GeneratedToken, void, void> {
    const { signal } = options;
    const prompt = new PromptTokens(this.#model, options);
    const answer = this.#answer(options, prompt);
    signal?.throwIfAborted();
    const rows = await this.#queue.take(answer.rows, {
      worth: (row) => commonLength(prompt, this.#decoder.held(row)),
      signal,
    });
    // The last id is always taken in, to draw from it.
    const reused = Math.min(commonLength(prompt, this.#decoder.held(rows[0]!)), prompt.length - 1);
    answer.begin(rows, { ids: prompt.ids, vocabulary: this.#model.decoder.vocabulary });
    const pieces = this.#decoder.cut(prompt, reused);
    const { onPrefill } = options;
    const running: Running = { answer, prompt, pieces, signal, onPrefill, reused, tokens: [], late: false };
    this.#running.add(running);
    try {
      while (!answer.ended || running.tokens.length > 0) {
        signal?.throwIfAborted();
        if (running.tokens.length === 0) await this.#ask(running);
        const token = running.tokens.shift();
        if (token !== undefined) yield token;
      }
    } finally {
      this.#running.delete(running);
      this.#wake();
      this.#queue.give(rows);
    }
  }

  /**
   * What the last id was drawn from, `[V]`: logits, or probabilities after all filters.
   *
   * @throws {Error} if nothing was drawn yet, or ids of several sequences at once, or the device is ahead of the id
   */
  async read(output: DrawOutput): Promise<Float32Array> {
    const fail = (problem: string) => new Error(`Cannot read "${output}": ${problem}`);
    if (this.#drawn === undefined) throw fail("nothing was drawn yet");
    if (this.#drawn.ids.length > 1) throw fail(`${this.#drawn.ids.length} ids were drawn at once`);
    return await this.#drawn.read(output);
  }

  /** Frees the programs and the cache; the shared weights stay. */
  [Symbol.dispose](): void {
    this.#decoder[Symbol.dispose]();
  }

  /** @throws {RangeError} for what cannot be answered */
  #answer(options: GenerateOptions, { length }: PromptTokens): Answer {
    const { beams, maxNewTokens, stopIds = [], minTokens = 0, topLogprobs = 0 } = options;
    const { vocabulary } = this.#model.decoder;
    const fail = (problem: string) => new RangeError(`Cannot generate: ${problem}`);
    const most = maxNewTokens ?? this.context - length;
    if (!Number.isInteger(most) || most < 1 || length + most > this.context) {
      throw fail(`${length} ids and ${most} new ones, the context has ${this.context} positions`);
    }
    if (!(minTokens >= 0)) throw fail(`minTokens is ${minTokens}, it must be 0 or more`);
    if (!Number.isInteger(topLogprobs) || topLogprobs < 0 || topLogprobs > 20) {
      throw fail(`topLogprobs is ${topLogprobs}, it must be a whole number from 0 to 20`);
    }
    const limits = { stopIds, maxNewTokens: most };
    if (beams === undefined) return new SampledAnswer({ ...options, ...limits, vocabulary });
    const drawing = (["sampling", "minTokens", "constraint", "topLogprobs"] as const).find((key) => {
      return options[key] !== undefined;
    });
    if (drawing !== undefined) throw fail(`a beam search draws nothing, so ${drawing} does not apply to it`);
    if (beams.count > this.rows) throw fail(`${beams.count} beams take as many rows, the generator has ${this.rows}`);
    return new BeamAnswer(this.#decoder, beams, limits);
  }

  /** Waits for an answer's next ids, and sees to it that somebody steps. */
  #ask(running: Running): Promise<void> {
    return new Promise((resolve, reject) => {
      running.asked = { resolve, reject };
      running.late = false;
      this.#wake();
      if (!this.#stepping) this.#step();
    });
  }

  /** Steps as long as anyone asks. Errors go to those who asked. */
  async #step(): Promise<void> {
    this.#stepping = true;
    while (this.#asking().length > 0) {
      await this.#pause();
      const asking = this.#asking();
      const aborted = asking.filter(({ signal }) => signal?.aborted);
      for (const running of aborted) settle(running, ({ reject }) => reject(running.signal!.reason));
      try {
        await this.#advance(asking.filter((running) => !aborted.includes(running)));
        for (const running of asking) if (running.tokens.length > 0) settle(running, ({ resolve }) => resolve());
      } catch (error) {
        for (const running of asking) settle(running, ({ reject }) => reject(error));
      }
    }
    this.#stepping = false;
  }

  /** Those whose readers want an id that is not there yet. */
  #asking(): Running[] {
    return [...this.#running].filter(({ asked }) => asked !== undefined);
  }

  /** One piece of every prompt that is not yet taken in, then one step of all other answers. */
  async #advance(asking: readonly Running[]): Promise<void> {
    const ready = asking.filter(({ pieces }) => pieces.length === 0);
    for (const running of asking) {
      if (running.pieces.length > 0) this.#borrow(running);
      const piece = running.pieces.shift();
      if (piece === undefined) continue;
      const draws = await this.#decoder.prefill(running.answer.sequences[0]!, { prompt: running.prompt, piece });
      if (draws !== undefined) {
        running.onPrefill?.({ reused: running.reused });
        await this.#share(draws, [running]);
      }
      await this.#breathe();
    }
    if (ready.length === 0) return;
    // Another one joins soon where a prompt was taken in.
    const ahead = ready.length < asking.length ? 1 : Math.min(...ready.map(({ answer }) => answer.foreseen));
    await this.#share(await this.#decoder.step(ready.flatMap(({ answer }) => answer.sequences), { ahead }), ready);
  }

  /** Copies what another row has of a prompt, where that spares taking in a piece: answers side by side share it. */
  #borrow(running: Running): void {
    const { prompt, answer } = running;
    const to = answer.sequences[0]!.row;
    const common = (row: number) => Math.min(commonLength(prompt, this.#decoder.held(row)), prompt.length - 1);
    const rows = Array.from({ length: this.rows }, (_, row) => row);
    const from = rows.reduce((best, row) => common(row) > common(best) ? row : best, to);
    const length = common(from);
    if (length - common(to) < leastBorrowed) return;
    this.#decoder.copy({ from, to, length });
    running.pieces = this.#decoder.cut(prompt, length);
    running.reused = length;
  }

  /** Gives each answer what was drawn for its sequences, and of the outputs what it reads. */
  async #share(draws: Draws, runnings: readonly Running[]): Promise<void> {
    this.#drawn = draws;
    const V = this.#model.decoder.vocabulary;
    const outputs = new Map<DrawOutput, Float32Array>(); // [B,V]
    for (const { answer: { reads } } of runnings) {
      if (reads !== undefined && !outputs.has(reads)) outputs.set(reads, await draws.read(reads));
    }
    let first = 0;
    for (const { answer, tokens } of runnings) {
      const end = first + answer.sequences.length;
      const all = answer.reads === undefined ? undefined : outputs.get(answer.reads);
      const places = all === undefined ? [] : Array.from(answer.sequences, (_, i) => first + i);
      const output = places.map((place) => all!.subarray(place * V, (place + 1) * V));
      tokens.push(...answer.take({ ids: draws.ids.subarray(first, end), output }));
      first = end;
    }
  }

  /** Lets those who got an id ask for the next one, but does not wait for readers that are slower than that. */
  async #pause(): Promise<void> {
    await this.#breathe();
    if (this.#awaited().length === 0) return;
    await new Promise<void>((resolve) => {
      const timer = setTimeout(resolve);
      this.#allAsk = () => {
        clearTimeout(timer);
        resolve();
      };
    });
    this.#allAsk = undefined;
    for (const running of this.#awaited()) running.late = true;
  }

  /** Those whose readers are about to ask, if they are no slower than usual. */
  #awaited(): Running[] {
    return [...this.#running].filter(({ asked, late }) => asked === undefined && !late);
  }

  /** Ends a pause once all have asked. */
  #wake(): void {
    if (this.#awaited().length === 0) this.#allAsk?.();
  }

  /** Lets the event loop turn when it has not for a while; backends may never wait by themselves. */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#lastPause < patience) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#lastPause = performance.now();
  }
}

/** Tells who asked, once. */
function settle(running: Running, tell: (asked: NonNullable<Running["asked"]>) => void): void {
  const { asked } = running;
  running.asked = undefined;
  if (asked !== undefined) tell(asked);
}
