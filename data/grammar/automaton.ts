/**
 * Finite automata over bytes: the smallest parts of a grammar.
 *
 * @module
 */

/** Reads bytes from state 0 on. */
export interface Automaton {
  /** Bound of the states. */
  readonly states: number;
  /** The state after a byte, or −1 where it must not come. */
  next(state: number, byte: number): number;
  /** Whether what was read is complete. */
  accepts(state: number): boolean;
  /** Whether nothing more can be read. */
  stuck(state: number): boolean;
  /** Fewest bytes that complete what was read; Infinity if none do. */
  distance(state: number): number;
}

/** Bytes by name: single ones in a text, or all from the first to the last. */
export type ByteSet = string | readonly [first: number, last: number];

/** Builds an automaton edge by edge; state 0 is there from the start. */
export class AutomatonBuilder {
  readonly #edges: Int32Array[] = [];
  readonly #accepting: boolean[] = [];

  /** Begins with a state 0. */
  constructor({ accepting = false }: { readonly accepting?: boolean } = {}) {
    this.state({ accepting });
  }

  /** Adds a state. */
  state({ accepting = false }: { readonly accepting?: boolean } = {}): number {
    this.#edges.push(new Int32Array(256).fill(-1));
    return this.#accepting.push(accepting) - 1;
  }

  /** Leads from a state to another one by any of some bytes. */
  edge(from: number, to: number, ...sets: readonly ByteSet[]): void {
    for (const set of sets) {
      const bytes = typeof set === "string" ? Array.from(set, (byte) => byte.charCodeAt(0)) : range(set);
      for (const byte of bytes) this.#edges[from]![byte] = to;
    }
  }

  /** Takes an edge away. */
  remove(from: number, byte: number): void {
    this.#edges[from]![byte] = -1;
  }

  /** The state that a byte leads to, or −1. */
  target(from: number, byte: number): number {
    return this.#edges[from]![byte]!;
  }

  /** Lets a state be complete. */
  accept(state: number): void {
    this.#accepting[state] = true;
  }

  /** The automaton. */
  build(): Automaton {
    return new TableAutomaton(this.#edges, this.#accepting);
  }
}

function range([first, last]: readonly [number, number]): number[] {
  return Array.from({ length: last - first + 1 }, (_, i) => first + i);
}

class TableAutomaton implements Automaton {
  readonly states: number;
  readonly #table: Int32Array; // [states,256]
  readonly #accepting: readonly boolean[];
  readonly #stuck: readonly boolean[];
  readonly #distances: readonly number[];

  constructor(edges: readonly Int32Array[], accepting: readonly boolean[]) {
    this.states = edges.length;
    this.#table = new Int32Array(edges.length * 256);
    edges.forEach((targets, state) => this.#table.set(targets, state * 256));
    this.#accepting = accepting;
    this.#stuck = edges.map((targets) => targets.every((target) => target < 0));
    this.#distances = shortestPaths(accepting, edges.map((targets) => [...new Set(targets)].filter((to) => to >= 0)));
  }

  next(state: number, byte: number): number {
    return this.#table[state * 256 + byte]!;
  }

  accepts(state: number): boolean {
    return this.#accepting[state]!;
  }

  stuck(state: number): boolean {
    return this.#stuck[state]!;
  }

  distance(state: number): number {
    return this.#distances[state]!;
  }
}

/** Fewest steps from each state to one that accepts, along edges by state; Infinity where there is no way. */
export function shortestPaths(accepting: readonly boolean[], edges: readonly (readonly number[])[]): number[] {
  const sources: number[][] = accepting.map(() => []);
  edges.forEach((targets, from) => {
    for (const to of targets) sources[to]!.push(from);
  });
  const distances = accepting.map((accepts) => accepts ? 0 : Infinity);
  let reached = [...accepting.keys()].filter((state) => accepting[state]);
  for (let steps = 1; reached.length > 0; steps++) {
    const before = reached.flatMap((state) => sources[state]!);
    reached = [...new Set(before)].filter((state) => distances[state] === Infinity);
    for (const state of reached) distances[state] = steps;
  }
  return distances;
}

const utf8 = new TextEncoder();

/** Reads one of some texts. */
export function literals(texts: Iterable<string>): Automaton {
  const builder = new AutomatonBuilder();
  for (const text of texts) {
    let state = 0;
    for (const byte of utf8.encode(text)) {
      const known = builder.target(state, byte);
      const to = known < 0 ? builder.state() : known;
      if (known < 0) builder.edge(state, to, [byte, byte]);
      state = to;
    }
    builder.accept(state);
  }
  return builder.build();
}
