/**
 * Automata of JSON strings that a regular expression matches: Thompson's construction, then sets of its states.
 *
 * @module
 */
import { type Automaton, AutomatonBuilder } from "./automaton.ts";
import { parsePattern, type Pattern, PatternError } from "./pattern_syntax.ts";

/** States of an expression at most, and sets of them: it comes from strangers. */
const maxStates = 4096;

/** Well-known forms of texts, as expressions; what they match is valid, and nearly all that is valid they match. */
const monthsAndDays = "(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\\d|30)" +
  "|02-(?:0[1-9]|1\\d|2[0-8]))";
const time = "(?:[01]\\d|2[0-3]):[0-5]\\d:[0-5]\\d(?:\\.\\d{1,6})?(?:Z|[+-](?:[01]\\d|2[0-3]):[0-5]\\d)";
const octet = "(?:25[0-5]|2[0-4]\\d|1\\d\\d|[1-9]?\\d)";

/** Expressions by the name of a `format`. */
export const formats: Readonly<Record<string, string>> = {
  date: `\\d{4}-${monthsAndDays}`,
  time,
  "date-time": `\\d{4}-${monthsAndDays}T${time}`,
  uuid: "[0-9a-f]{8}-[0-9a-f]{4}-[1-8][0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}",
  email: "[A-Za-z0-9_+-]+(?:\\.[A-Za-z0-9_+-]+)*@(?:[A-Za-z0-9](?:[A-Za-z0-9-]*[A-Za-z0-9])?\\.)+[A-Za-z]{2,}",
  ipv4: `${octet}(?:\\.${octet}){3}`,
};

/**
 * Reads the strings, quotes included, that an expression matches from end to end. All but literal characters are ASCII.
 *
 * @throws {PatternError} for what is not supported, or takes too many states
 */
export function stringMatching(source: string): Automaton {
  const nfa = new Nfa();
  const end = nfa.add(parsePattern(source), 0);
  const sets = new Map<string, { readonly place: number; readonly states: readonly number[] }>();
  const builder = new AutomatonBuilder();
  const closing = builder.state({ accepting: true });
  const placeOf = (from: readonly number[]) => {
    const states = nfa.closure(from);
    const known = sets.get(states.join()) ?? { place: builder.state(), states };
    if (sets.size > maxStates) throw new PatternError(`it takes more than ${maxStates} states`);
    sets.set(states.join(), known);
    return known.place;
  };
  builder.edge(0, placeOf([0]), '"');
  for (const { place, states } of sets.values()) { // which grow meanwhile
    if (states.includes(end)) builder.edge(place, closing, '"');
    const targets = new Map<number, number[]>(); // by byte
    for (const state of states) {
      for (const { bytes, to } of nfa.edges(state)) {
        for (const byte of bytes) targets.set(byte, [...targets.get(byte) ?? [], to]);
      }
    }
    let escape: number | undefined;
    for (const [byte, to] of targets) {
      const written = byte === 0x22 || byte === 0x5c;
      if (written && escape === undefined) builder.edge(place, escape = builder.state(), "\\");
      builder.edge(written ? escape! : place, placeOf(to), [byte, byte]);
    }
  }
  return builder.build();
}

/** A nondeterministic automaton. */
class Nfa {
  readonly #edges: { readonly bytes: ReadonlySet<number>; readonly to: number }[][] = [[]];
  readonly #free: number[][] = [[]];

  /** Edges of a state that read a byte. */
  edges(state: number): readonly { readonly bytes: ReadonlySet<number>; readonly to: number }[] {
    return this.#edges[state]!;
  }

  /** Adds what a pattern reads from a state on; the state behind it. */
  add(pattern: Pattern, from: number): number {
    if ("bytes" in pattern) {
      const to = this.#state();
      this.#edges[from]!.push({ bytes: pattern.bytes, to });
      return to;
    }
    if ("all" in pattern) return pattern.all.reduce((at, part) => this.add(part, at), from);
    if ("any" in pattern) {
      const ends = pattern.any.map((part) => this.add(part, this.#after(from)));
      const to = this.#state();
      for (const end of ends) this.#free[end]!.push(to);
      return to;
    }
    const { item, min, max } = pattern;
    let at = from;
    for (let i = 0; i < min; i++) at = this.add(item, at);
    if (max === Infinity) {
      const begin = this.#after(at);
      this.#free[this.add(item, begin)]!.push(begin);
      return this.#after(begin);
    }
    const to = this.#state();
    for (let i = min; i < max; i++) {
      this.#free[at]!.push(to);
      at = this.add(item, this.#after(at));
    }
    this.#free[at]!.push(to);
    return to;
  }

  /** All states that are reached without a byte, in order. */
  closure(states: readonly number[]): number[] {
    const all = new Set(states);
    for (const state of all) for (const to of this.#free[state]!) all.add(to);
    return [...all].sort((a, b) => a - b);
  }

  #after(state: number): number {
    const to = this.#state();
    this.#free[state]!.push(to);
    return to;
  }

  #state(): number {
    if (this.#edges.length > maxStates) throw new PatternError(`it takes more than ${maxStates} states`);
    this.#free.push([]);
    return this.#edges.push([]) - 1;
  }
}
