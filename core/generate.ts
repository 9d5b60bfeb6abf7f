/**
 * Generation on token ids: prefill, decode, stop, stream.
 *
 * @module
 */
import type { Backend, HostData, Program, Storage, Storages } from "./backend.ts";
import { ShapeError } from "./errors.ts";
import type { Plan } from "./graph/plan.ts";
import { planDecode, planPrefill } from "./model_plans.ts";
import type { VisionLanguageModel } from "./model.ts";
import { spliceIndex } from "./placeholders.ts";
import { type SamplingOptions, samplingSettings, seenInPrompt } from "./sampling.ts";
import { allocateMissing } from "./weights.ts";

/** Options of {@link createGenerator}. */
export interface GeneratorOptions {
  /** The model's parameters on the backend, as `bindModel` gives them; generators may share them. */
  readonly weights: Storages;
  /** Positions of the KV cache: prompt and answer together. */
  readonly context: number;
  /** Lengths of the pieces a prompt is taken in by; the last piece is padded. Default 16, 64, 256. */
  readonly pieces?: readonly number[] | undefined;
}

/** One answer wanted. */
export interface GenerateOptions {
  /** The prompt, image markers included. */
  readonly ids: ArrayLike<number>;
  /**
   * Embeddings of each image, `[N,D]` in C order, as `ImageEncoder.encode` gives them. Default none. The same array
   * means the same image when a prompt begins as the one before.
   */
  readonly images?: readonly Float32Array[] | undefined;
  /** For each id the row of all images' embeddings, or −1 for text. Default by the model's placeholder rule. */
  readonly index?: Int32Array | undefined;
  /** How ids are drawn. Default greedy. */
  readonly sampling?: SamplingOptions | undefined;
  /** Most ids to draw. Default what the context has left. */
  readonly maxNewTokens?: number | undefined;
  /** Ids that end the answer; the one that does is still given. Default none. */
  readonly stopIds?: readonly number[] | undefined;
  /** Ends the answer early with the signal's reason. */
  readonly signal?: AbortSignal | undefined;
}

/** A prompt and, for each token, the row of its image embedding or −1. */
interface Prompt {
  readonly ids: Int32Array;
  readonly index: Int32Array;
  readonly images: readonly Float32Array[];
}

/** What the cache holds: for each position an id and, for an image's token, whose row it is. */
interface Kept {
  readonly ids: number[];
  readonly images: (Float32Array | undefined)[];
  readonly rows: number[];
}

/** One position of it. */
interface KeptToken {
  readonly id: number;
  readonly image: Float32Array | undefined;
  readonly row: number;
}

/** A piece of a prompt: `count` tokens from `start` on, padded to `tokens`. */
interface Piece {
  readonly start: number;
  readonly count: number;
  readonly tokens: number;
}

/** Longest time in milliseconds between two chances for the event loop to fire a timer or an abort. */
const patience = 50;

/** Creates a generator. Its programs are planned and loaded when first needed. */
export function createGenerator(
  backend: Backend,
  model: VisionLanguageModel,
  options: GeneratorOptions,
): TokenGenerator {
  return new TokenGenerator(backend, model, options);
}

/** One KV cache and the programs that fill it. Answers one prompt at a time; make several for more. */
export class TokenGenerator implements Disposable {
  /** Positions of the KV cache: prompt and answer together. */
  readonly context: number;
  readonly #backend: Backend;
  readonly #model: VisionLanguageModel;
  readonly #pieces: readonly number[];
  readonly #weights: Storages;
  readonly #storages: Map<string, Storage>;
  readonly #programs = new Map<string, Program>();
  readonly #kept: Kept = { ids: [], images: [], rows: [] };
  #drawn: Program | undefined;
  #reused = 0;
  #lastPause = performance.now();
  #busy = false;

  /**
   * Use {@link createGenerator}.
   *
   * @throws {RangeError} if the context is longer than the decoder's positions
   */
  constructor(backend: Backend, model: VisionLanguageModel, options: GeneratorOptions) {
    const { weights, context, pieces = [16, 64, 256] } = options;
    const { name, maxPositions } = model.decoder;
    if (!Number.isInteger(context) || context < 2 || context > maxPositions) {
      throw new RangeError(`Cannot create a generator: context ${context}, "${name}" has 2 to ${maxPositions}`);
    }
    this.context = context;
    this.#backend = backend;
    this.#model = model;
    this.#pieces = pieces.map((tokens) => Math.min(tokens, context)).sort((a, b) => a - b);
    this.#weights = weights;
    this.#storages = new Map(weights);
  }

  /** Ids of the last prompt that were still in the cache and not taken in again. */
  get reused(): number {
    return this.#reused;
  }

  /** Ids at the front of a prompt that the cache already holds. */
  matches({ ids, images = [], index }: GenerateOptions): number {
    const rows = index ?? spliceIndex(ids, this.#model.placeholder, { images: images.length });
    return this.#common({ ids: Int32Array.from(ids), images, index: rows });
  }

  /**
   * Draws ids after a prompt, one by one as they come.
   *
   * Same prompt, settings and seed give the same ids on every backend. What the prompt shares with the one before
   * from its start on is not taken in again.
   *
   * @throws {RangeError} if the prompt is empty, has an id outside the vocabulary, or overflows the context
   * @throws {PlaceholderError} if images and markers do not fit
   * @throws the signal's reason once it is aborted
   */
  async *generate(options: GenerateOptions): AsyncGenerator<number, void, void> {
    const { sampling, maxNewTokens = this.context - options.ids.length, stopIds = [], signal } = options;
    const prompt = this.#parse(options, maxNewTokens);
    const settings = samplingSettings(sampling);
    signal?.throwIfAborted();
    if (this.#busy) throw new Error("Cannot generate: the generator is still busy with another prompt");
    this.#busy = true;
    try {
      const decode = this.#load("decode", () => planDecode(this.#model, { capacity: this.context }));
      this.#write("settings", settings);
      this.#write("random", new Int32Array([sampling?.seed ?? 0, 0]));
      this.#write("seen", seenIn(prompt.ids, this.#model.decoder.vocabulary));
      this.#reused = this.#common(prompt);
      const range = { from: this.#reused, to: prompt.ids.length };
      for (const piece of split(range, this.#pieces, { capacity: this.context })) {
        await this.#breathe();
        signal?.throwIfAborted();
        this.#prefill(prompt, piece);
      }
      this.#write("position", new Int32Array([prompt.ids.length]));
      for (let count = 1;; count++) {
        const [id] = await this.#backend.read(this.#storages.get("token")!);
        yield id!;
        if (count >= maxNewTokens || stopIds.includes(id!)) return;
        await this.#breathe();
        signal?.throwIfAborted();
        decode.run();
        this.#keep(prompt.ids.length + count - 1, { id: id!, image: undefined, row: -1 });
        this.#drawn = decode;
      }
    } finally {
      this.#busy = false;
    }
  }

  /**
   * What the last id was drawn from, `[V]`: logits, or probabilities after all filters.
   *
   * @throws {Error} if nothing was drawn yet
   */
  async read(output: "logits" | "probabilities"): Promise<Float32Array> {
    if (this.#drawn === undefined) throw new Error(`Cannot read "${output}": nothing was drawn yet`);
    return await this.#drawn.read(output) as Float32Array;
  }

  /** Frees the programs and the cache; the shared weights stay. */
  [Symbol.dispose](): void {
    for (const program of this.#programs.values()) program[Symbol.dispose]();
    for (const [name, storage] of this.#storages) if (!this.#weights.has(name)) this.#backend.free(storage);
    this.#programs.clear();
    this.#storages.clear();
  }

  /** Checks a prompt and finds the places of its images. */
  #parse({ ids, images = [], index }: GenerateOptions, maxNewTokens: number): Prompt {
    const { decoder: { vocabulary, width }, placeholder } = this.#model;
    const fail = (problem: string) => new RangeError(`Cannot generate: ${problem}`);
    if (ids.length === 0) throw fail("the prompt is empty");
    if (!Number.isInteger(maxNewTokens) || maxNewTokens < 1 || ids.length + maxNewTokens > this.context) {
      throw fail(`${ids.length} ids and ${maxNewTokens} new ones, the context has ${this.context} positions`);
    }
    const odd = Array.prototype.findIndex.call(ids, (id) => !Number.isInteger(id) || id < 0 || id >= vocabulary);
    if (odd >= 0) throw fail(`id ${ids[odd]} at position ${odd}, the vocabulary has ${vocabulary}`);
    const size = placeholder.tokens * width;
    const misfit = images.findIndex((image) => image.length !== size);
    if (misfit >= 0) {
      throw new ShapeError(`Cannot place image ${misfit}: ${images[misfit]!.length} numbers, expected ${size}`);
    }
    const rows = index ?? spliceIndex(ids, placeholder, { images: images.length });
    if (rows.length !== ids.length || rows.some((row) => row >= images.length * placeholder.tokens)) {
      throw fail(`${rows.length} image rows for ${ids.length} ids and ${images.length} images`);
    }
    return { ids: Int32Array.from(ids), images, index: rows };
  }

  /** Length of the longest start that prompt and cache share; the last id is always taken in, to draw from it. */
  #common(prompt: Prompt): number {
    const { ids, images, rows } = this.#kept;
    let count = 0;
    while (count < Math.min(ids.length, prompt.ids.length - 1)) {
      const { id, image, row } = this.#token(prompt, count);
      if (id !== ids[count] || image !== images[count] || row !== rows[count]) break;
      count++;
    }
    return count;
  }

  /** What stands at a position of a prompt. */
  #token({ ids, index, images }: Prompt, position: number): KeptToken {
    const { tokens } = this.#model.placeholder;
    const place = index[position]!;
    if (place < 0) return { id: ids[position]!, image: undefined, row: -1 };
    return { id: ids[position]!, image: images[Math.floor(place / tokens)], row: place % tokens };
  }

  /** Notes what a position of the cache holds from now on; what stood behind it counts no more. */
  #keep(position: number, { id, image, row }: KeptToken): void {
    const { ids, images, rows } = this.#kept;
    ids.length = images.length = rows.length = position;
    ids.push(id);
    images.push(image);
    rows.push(row);
  }

  /** Runs one piece of the prompt through the model; an id is drawn after the last one. */
  #prefill(prompt: Prompt, { start, count, tokens }: Piece): void {
    const { width } = this.#model.decoder;
    const draws = start + count === prompt.ids.length;
    const program = this.#load(`prefill ${tokens} ${draws}`, () => {
      return planPrefill(this.#model, { tokens, draws, capacity: this.context });
    });
    const ids = new Int32Array(tokens); // [1,T]
    const index = new Int32Array(tokens).fill(-1); // [1,T]
    const embeddings = new Float32Array(tokens * width); // [T,D]
    this.#kept.ids.length = Math.min(this.#kept.ids.length, start);
    for (let t = 0; t < count; t++) {
      const token = this.#token(prompt, start + t);
      ids[t] = token.id;
      if (token.image !== undefined) {
        embeddings.set(token.image.subarray(token.row * width, (token.row + 1) * width), t * width);
        index[t] = t;
      }
    }
    this.#write("position", new Int32Array([start]));
    program.write("ids", ids);
    program.write("index", index);
    program.write("images", embeddings);
    if (draws) {
      program.write("last", new Int32Array([count - 1]));
      this.#drawn = program;
    }
    program.run();
    for (let t = 0; t < count; t++) this.#keep(start + t, this.#token(prompt, start + t));
  }

  /** Lets the event loop turn when it has not for a while; backends may never wait by themselves. */
  async #breathe(): Promise<void> {
    if (performance.now() - this.#lastPause < patience) return;
    await new Promise((resolve) => setTimeout(resolve));
    this.#lastPause = performance.now();
  }

  #write(state: string, data: HostData): void {
    this.#backend.write(this.#storages.get(state)!, data);
  }

  /** The program of that name, planned and loaded at its first use. */
  #load(name: string, plan: () => Plan): Program {
    const known = this.#programs.get(name);
    if (known !== undefined) return known;
    const made = plan();
    allocateMissing(this.#backend, made, this.#storages);
    const program = this.#backend.load(made, this.#storages);
    this.#programs.set(name, program);
    return program;
  }
}

/**
 * Cuts a part of a prompt into the longest pieces, and a last one as short as holds the rest. Where that would pass
 * the end of the cache it starts earlier, and some tokens are taken in twice, which changes nothing.
 */
function* split(
  { from, to }: { from: number; to: number },
  sizes: readonly number[],
  { capacity }: { capacity: number },
): Generator<Piece> {
  for (let done = from; done < to;) {
    const tokens = sizes.find((size) => size >= to - done) ?? sizes.at(-1)!;
    const start = Math.min(done, capacity - tokens);
    const count = Math.min(to - start, tokens);
    yield { start, count, tokens };
    done = start + count;
  }
}

/** The `seen` state `[V]` that marks the ids of a prompt. */
function seenIn(ids: Int32Array, vocabulary: number): Int32Array {
  const seen = new Int32Array(vocabulary);
  for (const id of ids) seen[id] = seenInPrompt;
  return seen;
}
