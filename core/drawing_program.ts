/**
 * A program that draws for several sequences, and what its states hold.
 *
 * @module
 */
import type { Backend, HostData, Program, Storage } from "./backend.ts";
import type { LogitBias } from "./logit_bias.ts";
import type { Sequence } from "./sequence.ts";

/** What a step drew. */
export interface Draws {
  /** The id of each sequence, `[B]`. */
  readonly ids: Int32Array;
  /** What they were drawn from, `[B,V]`: logits, or probabilities after all filters. Only until the next step. */
  read(output: "logits" | "probabilities"): Promise<Float32Array>;
}

/** States that say what a step takes in. */
const tokenStates = ["token", "position", "row"] as const;

/**
 * Writes states only where the device has others: in a run of steps over the same sequences it writes nothing, for ids,
 * positions and counters move on by themselves.
 */
export class DrawingProgram implements Disposable {
  /** The program. */
  readonly program: Program;
  readonly #backend: Backend;
  readonly #states: ReadonlyMap<string, Storage>;
  readonly #batch: number;
  /** What the states hold, as far as it is known. */
  readonly #known = new Map<string, HostData>();
  /** Whose `seen` each row of the state holds, and after how many draws. */
  readonly #seen: ({ readonly sequence: Sequence; readonly draws: number } | undefined)[] = [];
  /** Whose bias each row of the state holds, and which version of it; without a bias it holds zeros. */
  readonly #biases: { readonly bias: LogitBias | undefined; readonly version: number }[] = [];

  /** Takes a program, its states by name and how many sequences it draws for. */
  constructor(backend: Backend, program: Program, states: ReadonlyMap<string, Storage>) {
    this.program = program;
    this.#backend = backend;
    this.#states = states;
    this.#batch = states.get("token")?.spec.shape[0] ?? 0;
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
  async draw(sequences: readonly Sequence[]): Promise<Draws> {
    const padded = Array.from({ length: this.#batch }, (_, i) => sequences[i] ?? sequences[0]!);
    this.set("settings", Float32Array.from(padded.flatMap(({ settings }) => [...settings])));
    this.set("random", Int32Array.from(padded.flatMap(({ seed, draws }) => [seed, draws])));
    padded.forEach((sequence, i) => {
      this.#setSeen(sequence, i);
      this.#setBias(sequence, i);
    });
    const ids = await this.#run();
    this.#known.set("token", ids);
    this.#known.set("random", Int32Array.from(padded.flatMap(({ seed, draws }) => [seed, draws + 1])));
    padded.forEach((sequence, i) => {
      this.#seen[i] = sequence.seen && { sequence, draws: sequence.draws + 1 };
    });
    return {
      ids: ids.slice(0, sequences.length),
      read: async (output) => {
        const all = await this.program.read(output) as Float32Array; // [B,V]
        return all.subarray(0, all.length / this.#batch * sequences.length);
      },
    };
  }

  /** One step: every sequence takes in its token, and an id is drawn after it. */
  async step(sequences: readonly Sequence[]): Promise<Draws> {
    const padded = Array.from({ length: this.#batch }, (_, i) => sequences[i] ?? sequences[0]!);
    for (const name of tokenStates) this.set(name, Int32Array.from(padded, (sequence) => sequence[name]));
    const draws = await this.draw(sequences);
    this.#known.set("position", Int32Array.from(padded, ({ position }) => position + 1));
    return draws;
  }

  /** Frees the program; the states stay. */
  [Symbol.dispose](): void {
    this.program[Symbol.dispose]();
  }

  async #run(): Promise<Int32Array> {
    try {
      this.program.run();
      return await this.#backend.read(this.#states.get("token")!) as Int32Array;
    } catch (error) {
      this.#known.clear(); // how far it came is not known
      this.#seen.length = this.#biases.length = 0;
      throw error;
    }
  }

  #setSeen(sequence: Sequence, place: number): void {
    if (sequence.seen === undefined) return; // without a penalty it changes nothing
    const known = this.#seen[place];
    if (known?.sequence === sequence && known.draws === sequence.draws) return;
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
