/**
 * A program that draws for several sequences, and what its states hold.
 *
 * @module
 */
import type { Backend, HostData, Program, Storage } from "./backend.ts";
import type { LogitBias } from "./logit_bias.ts";
import type { Sequence } from "./sequence.ts";
import { type QueuedStep, StepQueue } from "./step_queue.ts";

/** What a step drew. */
export interface Draws {
  /** The id of each sequence, `[B]`. */
  readonly ids: Int32Array;
  /**
   * What they were drawn from, `[B,V]`: logits, or probabilities after all filters.
   *
   * @throws {Error} once the device is at a later step
   */
  read(output: "logits" | "probabilities"): Promise<Float32Array>;
}

/** Options of a step. */
export interface StepOptions {
  /** Steps of the same sequences that are foreseen, this one among them: so many may be queued. Default 1. */
  readonly ahead?: number | undefined;
}

/** States that say what a step takes in. */
const tokenStates = ["token", "position", "row"] as const;

/** States that a step moves on; `seen` is the other one. */
const movingStates = ["token", "position", "random"] as const;

/**
 * Writes states only where the device has others: in a run of steps over the same sequences it writes nothing, for ids,
 * positions and counters move on by themselves. So the device may be steps ahead of what was drawn; what is known of the
 * states is what they held before the first step that nobody took.
 */
export class DrawingProgram implements Disposable {
  /** The program. */
  readonly program: Program;
  readonly #backend: Backend;
  readonly #states: ReadonlyMap<string, Storage>;
  readonly #batch: number;
  readonly #queue: StepQueue;
  /** What the states hold, as far as it is known. */
  readonly #known = new Map<string, HostData>();
  /** Which sequence drew last at each place, and how often by then. */
  readonly #drew: { readonly sequence: Sequence; readonly draws: number }[] = [];
  /** Whose bias each row of the state holds, and which version of it; without a bias it holds zeros. */
  readonly #biases: { readonly bias: LogitBias | undefined; readonly version: number }[] = [];

  /** Takes a program, its states by name and how many sequences it draws for. */
  constructor(backend: Backend, program: Program, states: ReadonlyMap<string, Storage>) {
    this.program = program;
    this.#backend = backend;
    this.#states = states;
    this.#batch = states.get("token")?.spec.shape[0] ?? 0;
    this.#queue = new StepQueue(program);
  }

  /** Sets a state unless it is known to hold these numbers, or the program has no such state. */
  set(name: string, values: HostData): void {
    const storage = this.#states.get(name);
    const known = this.#known.get(name);
    if (storage === undefined || known?.every((value, i) => value === values[i])) return;
    this.#backend.write(storage, values);
    this.#known.set(name, values);
  }

  /** Runs and reads what was drawn. Places that are left over repeat the first sequence, to the last bit. */
  async draw(sequences: readonly Sequence[], { ahead = 1 }: StepOptions = {}): Promise<Draws> {
    const padded = this.#pad(sequences);
    this.set("settings", Float32Array.from(padded.flatMap(({ settings }) => [...settings])));
    this.set("random", Int32Array.from(padded.flatMap(({ seed, draws }) => [seed, draws])));
    padded.forEach((sequence, i) => {
      this.#setSeen(sequence, i);
      this.#setBias(sequence, i);
    });
    const { ids, step } = await this.#next(ahead);
    this.#known.set("token", ids);
    this.#known.set("random", Int32Array.from(padded.flatMap(({ seed, draws }) => [seed, draws + 1])));
    padded.forEach((sequence, i) => {
      this.#drew[i] = { sequence, draws: sequence.draws + 1 };
    });
    return {
      ids: ids.slice(0, sequences.length),
      read: async (output) => {
        if (step !== this.#queue.last) {
          throw new Error(
            `Cannot read "${output}": the device is ahead of it, which "ahead: false" of a generator avoids`,
          );
        }
        const all = await this.program.read(output) as Float32Array; // [B,V]
        return all.subarray(0, all.length / this.#batch * sequences.length);
      },
    };
  }

  /** One step: every sequence takes in its token, and an id is drawn after it. */
  async step(sequences: readonly Sequence[], options?: StepOptions): Promise<Draws> {
    const padded = this.#pad(sequences);
    const same = padded.every((sequence, i) => this.#goesOn(sequence, i));
    if (!same && this.#queue.clear()) {
      for (const name of movingStates) this.#known.delete(name);
      this.#drew.length = 0;
    }
    for (const name of tokenStates) this.set(name, Int32Array.from(padded, (sequence) => sequence[name]));
    const draws = await this.draw(sequences, options);
    this.#known.set("position", Int32Array.from(padded, ({ position }) => position + 1));
    return draws;
  }

  /** Frees the program; the states stay. */
  [Symbol.dispose](): void {
    this.program[Symbol.dispose]();
  }

  #pad(sequences: readonly Sequence[]): Sequence[] {
    return Array.from({ length: this.#batch }, (_, i) => sequences[i] ?? sequences[0]!);
  }

  async #next(ahead: number): Promise<QueuedStep> {
    try {
      return await this.#queue.next(ahead);
    } catch (error) {
      this.#queue.clear();
      this.#known.clear(); // how far it came is not known
      this.#drew.length = this.#biases.length = 0;
      throw error;
    }
  }

  /** Whether a sequence was the last one to draw at a place, and has drawn nothing elsewhere since. */
  #goesOn(sequence: Sequence, place: number): boolean {
    const drew = this.#drew[place];
    return drew?.sequence === sequence && drew.draws === sequence.draws;
  }

  #setSeen(sequence: Sequence, place: number): void {
    if (sequence.seen === undefined) return; // without a penalty it changes nothing
    if (this.#goesOn(sequence, place)) return;
    this.#backend.write(this.#states.get("seen")!, sequence.seen, place * sequence.seen.length);
  }

  #setBias({ bias }: Sequence, place: number): void {
    const storage = this.#states.get("bias");
    if (storage === undefined) return;
    const version = bias?.version ?? 0;
    const known = this.#biases[place];
    if (known !== undefined && known.bias === bias && known.version === version) return;
    const vocabulary = storage.spec.shape[1]!;
    this.#backend.write(storage, bias?.values ?? new Float32Array(vocabulary), place * vocabulary);
    this.#biases[place] = { bias, version };
  }
}
