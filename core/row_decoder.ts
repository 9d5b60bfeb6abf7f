/**
 * The rows of one KV cache and the programs over them: a piece of a prompt into one row, one step of any rows at once.
 *
 * @module
 */
import type { Backend, Storage, Storages } from "./backend.ts";
import { DrawingProgram, type Draws, type StepOptions } from "./drawing_program.ts";
import type { Plan } from "./graph/plan.ts";
import type { VisionLanguageModel } from "./model.ts";
import { copyBlock, ownStates, planCopy, planDecode, planPrefill } from "./model_plans.ts";
import { commonLength, HeldTokens, type PromptTokens, textToken } from "./prompt_tokens.ts";
import { noteDraw, type Sequence } from "./sequence.ts";
import { allocateMissing } from "./weights.ts";

/** Options of {@link RowDecoder}. */
export interface RowDecoderOptions {
  /** The model's parameters on the backend, as `bindModel` gives them; decoders may share them. */
  readonly weights: Storages;
  /** Positions of a row: prompt and answer together. */
  readonly context: number;
  /** Rows of the KV cache, so sequences at most. Default 1. */
  readonly rows?: number | undefined;
  /** Lengths of the pieces a prompt is taken in by; the last piece is padded. Default 4, 16, 64, 256. */
  readonly pieces?: readonly number[] | undefined;
  /**
   * Whether steps may be queued on the device ahead of the ids that are read, where the backend can. What an id was drawn
   * from can then be read only of the last one of an answer. Default true.
   */
  readonly ahead?: boolean | undefined;
}

/** A piece of a prompt: `count` tokens from `start` on, padded to `tokens`. */
export interface Piece {
  /** Position of its first token. */
  readonly start: number;
  /** How many there are. */
  readonly count: number;
  /** Tokens of the program that takes it in. */
  readonly tokens: number;
}

/** What is copied from one row of a KV cache to another. */
export interface RowCopy {
  /** The row that has it. */
  readonly from: number;
  /** The row that gets it. */
  readonly to: number;
  /** Tokens from the start on. Default all. */
  readonly length?: number | undefined;
}

/**
 * Moves sequences on. It knows nothing of where they end or who wants them: any of them may take part in a step or
 * rest, and what one draws depends on no other.
 */
export class RowDecoder implements Disposable {
  /** Positions of a row: prompt and answer together. */
  readonly context: number;
  /** Rows of the KV cache. */
  readonly rows: number;
  readonly #backend: Backend;
  readonly #model: VisionLanguageModel;
  readonly #weights: Storages;
  /** What programs share: weights, constants, the cache. */
  readonly #shared: Map<string, Storage>;
  /** States that one program has for itself. */
  readonly #own: Storage[] = [];
  readonly #programs = new Map<string, DrawingProgram>();
  readonly #pieces: readonly number[];
  readonly #held: readonly HeldTokens[];
  readonly #ahead: boolean;

  /**
   * Programs are planned and loaded when first needed.
   *
   * @throws {RangeError} if the context is longer than the decoder's positions, or there is no row
   */
  constructor(backend: Backend, model: VisionLanguageModel, options: RowDecoderOptions) {
    const { weights, context, rows = 1, pieces = [4, 16, 64, 256], ahead = true } = options;
    const { name, maxPositions } = model.decoder;
    if (!Number.isInteger(context) || context < 2 || context > maxPositions) {
      throw new RangeError(`Cannot create a generator: context ${context}, "${name}" has 2 to ${maxPositions}`);
    }
    if (!Number.isInteger(rows) || rows < 1) {
      throw new RangeError(`Cannot create a generator: ${rows} rows, it must be a whole number above 0`);
    }
    this.context = context;
    this.rows = rows;
    this.#backend = backend;
    this.#model = model;
    this.#pieces = [...new Set(pieces.map((tokens) => Math.min(tokens, context)))].sort((a, b) => a - b);
    this.#weights = weights;
    this.#shared = new Map(weights);
    this.#ahead = ahead;
    this.#held = Array.from({ length: rows }, () => new HeldTokens());
  }

  /** What a row holds. */
  held(row: number): HeldTokens {
    return this.#held[row]!;
  }

  /**
   * Cuts a prompt from position `from` on into pieces: the longest ones first, then shorter ones rather than one that
   * is mostly padding. A piece that would pass the end of the cache starts earlier, and some tokens are taken in twice,
   * which changes nothing.
   */
  cut(prompt: PromptTokens, from: number): Piece[] {
    const pieces: Piece[] = [];
    for (let done = from; done < prompt.length;) {
      const left = prompt.length - done;
      const below = this.#pieces.findLast((size) => size <= left);
      const above = this.#pieces.find((size) => size >= left);
      const tokens = above !== undefined && (below === undefined || 2 * (above - left) <= left) ? above : below!;
      const start = Math.min(done, this.context - tokens);
      const count = Math.min(prompt.length - start, tokens);
      pieces.push({ start, count, tokens });
      done = start + count;
    }
    return pieces;
  }

  /** Takes a piece of a prompt into a sequence's row; after the last one draws, and notes what was drawn. */
  async prefill(
    sequence: Sequence,
    { prompt, piece }: { prompt: PromptTokens; piece: Piece },
  ): Promise<Draws | undefined> {
    const { start, count, tokens } = piece;
    const { width } = this.#model.decoder;
    const draws = start + count === prompt.length;
    const biased = draws && sequence.bias !== undefined;
    const drawing = this.#load(`prefill ${tokens} ${draws} ${biased}`, () => {
      return planPrefill(this.#model, { tokens, draws, biased, capacity: this.context, rows: this.rows });
    });
    const ids = new Int32Array(tokens); // [1,T]
    const index = new Int32Array(tokens).fill(-1); // [1,T]
    const embeddings = new Float32Array(tokens * width); // [T,D]
    for (let t = 0; t < count; t++) {
      const { id, image, row } = prompt.at(start + t);
      ids[t] = id;
      if (image === undefined) continue;
      embeddings.set(image.subarray(row * width, (row + 1) * width), t * width);
      index[t] = t;
    }
    const { program } = drawing;
    drawing.set("position", Int32Array.of(start));
    drawing.set("row", Int32Array.of(sequence.row));
    program.write("ids", ids);
    program.write("index", index);
    program.write("images", embeddings);
    const held = this.held(sequence.row);
    held.keep(start);
    let drawn: Draws | undefined;
    if (draws) {
      program.write("last", Int32Array.of(count - 1));
      drawn = await drawing.draw([sequence]);
      noteDraw(sequence, drawn.ids[0]!);
    } else program.run();
    for (let t = 0; t < count; t++) held.set(start + t, prompt.at(start + t));
    return drawn;
  }

  /** One step: each sequence takes in its token, and the next one is drawn and noted. */
  async step(sequences: readonly Sequence[], { ahead = 1 }: StepOptions = {}): Promise<Draws> {
    const batch = batchFor(sequences.length, this.rows);
    const biased = sequences.some(({ bias }) => bias !== undefined);
    const program = this.#load(`decode ${batch} ${biased}`, () => {
      return planDecode(this.#model, { capacity: this.context, rows: this.rows, batch, biased });
    });
    const draws = await program.step(sequences, { ahead: this.#ahead ? ahead : 1 });
    sequences.forEach((sequence, i) => {
      this.held(sequence.row).set(sequence.position++, textToken(sequence.token));
      noteDraw(sequence, draws.ids[i]!);
    });
    return draws;
  }

  /** Makes a row hold what another one does, or the first `length` tokens of it; what they share already stays. */
  copy({ from, to, length = this.held(from).length }: RowCopy): void {
    const [source, target] = [this.held(from), this.held(to)];
    const shared = commonLength(source, target);
    const plan = () => planCopy(this.#model, { capacity: this.context, rows: this.rows });
    const { program } = this.#load("copy", plan);
    const block = copyBlock(this.context);
    const perRow = this.context / block;
    target.keep(shared);
    for (let i = Math.floor(shared / block); i * block < length; i++) {
      program.write("from", Int32Array.of(from * perRow + i));
      program.write("to", Int32Array.of(to * perRow + i));
      program.run();
    }
    for (let i = shared; i < length; i++) target.set(i, source.at(i));
  }

  /** Frees the programs and the cache; the shared weights stay. */
  [Symbol.dispose](): void {
    for (const program of this.#programs.values()) program[Symbol.dispose]();
    for (const [name, storage] of this.#shared) if (!this.#weights.has(name)) this.#backend.free(storage);
    for (const storage of this.#own) this.#backend.free(storage);
    this.#programs.clear();
    this.#shared.clear();
    this.#own.length = 0;
  }

  /** The program of that name, planned and loaded at its first use. */
  #load(name: string, plan: () => Plan): DrawingProgram {
    const known = this.#programs.get(name);
    if (known !== undefined) return known;
    const made = plan();
    const storages = new Map(this.#shared);
    allocateMissing(this.#backend, made, storages);
    const states = new Map([...storages].filter(([name]) => ownStates.has(name)));
    for (const [name, storage] of storages) if (!states.has(name)) this.#shared.set(name, storage);
    this.#own.push(...states.values());
    const program = new DrawingProgram(this.#backend, this.#backend.load(made, storages), states);
    this.#programs.set(name, program);
    return program;
  }
}

/** Sequences of the program that a step takes: matrix kernels go by four rows, so sizes between would cost the same. */
function batchFor(sequences: number, rows: number): number {
  return sequences <= 4 ? sequences : Math.min(rows, Math.ceil(sequences / 4) * 4);
}
