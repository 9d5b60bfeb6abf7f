/**
 * Automata for JSON strings (RFC 8259): valid UTF-8, escapes, no lone surrogates.
 *
 * @module
 */
import { type Automaton, AutomatonBuilder } from "./automaton.ts";

/** States of the insides of a string: `text` between characters, the others within one. */
interface StringStates {
  readonly text: number;
  readonly end: number;
}

/** Adds states that read characters from `text` on and lead back there; the states before the closing quote's. */
function addCharacters(builder: AutomatonBuilder, { text }: StringStates, { escapes }: { escapes: boolean }): void {
  const tails = utf8Tails(builder, text);
  builder.edge(text, text, [0x20, 0x21], [0x23, 0x5b], [0x5d, 0x7f]);
  for (const [first, last, tail] of leadBytes(tails)) builder.edge(text, tail, [first, last]);
  if (!escapes) return;
  const [escape, first, second, afterD, third, fourth] = Array.from({ length: 6 }, () => builder.state());
  builder.edge(text, escape!, "\\");
  builder.edge(escape!, text, '"\\/bfnrt');
  builder.edge(escape!, first!, "u");
  builder.edge(first!, second!, "0123456789abcefABCEF");
  builder.edge(first!, afterD!, "dD");
  builder.edge(second!, third!, hexDigits);
  builder.edge(afterD!, third!, "01234567"); // from D800 on are surrogates
  builder.edge(third!, fourth!, hexDigits);
  builder.edge(fourth!, text, hexDigits);
}

const hexDigits = "0123456789abcdefABCDEF";

/** What may follow the first byte of a character. */
interface Tails {
  readonly one: number;
  readonly two: number;
  readonly three: number;
  readonly afterE0: number;
  readonly afterED: number;
  readonly afterF0: number;
  readonly afterF4: number;
}

function utf8Tails(builder: AutomatonBuilder, text: number): Tails {
  const [one, two, three, afterE0, afterED, afterF0, afterF4] = Array.from({ length: 7 }, () => builder.state());
  builder.edge(one!, text, [0x80, 0xbf]);
  builder.edge(two!, one!, [0x80, 0xbf]);
  builder.edge(three!, two!, [0x80, 0xbf]);
  builder.edge(afterE0!, one!, [0xa0, 0xbf]);
  builder.edge(afterED!, one!, [0x80, 0x9f]);
  builder.edge(afterF0!, two!, [0x90, 0xbf]);
  builder.edge(afterF4!, two!, [0x80, 0x8f]);
  return {
    one: one!,
    two: two!,
    three: three!,
    afterE0: afterE0!,
    afterED: afterED!,
    afterF0: afterF0!,
    afterF4: afterF4!,
  };
}

function leadBytes(tails: Tails): readonly (readonly [first: number, last: number, tail: number])[] {
  return [
    [0xc2, 0xdf, tails.one],
    [0xe0, 0xe0, tails.afterE0],
    [0xe1, 0xec, tails.two],
    [0xed, 0xed, tails.afterED],
    [0xee, 0xef, tails.two],
    [0xf0, 0xf0, tails.afterF0],
    [0xf1, 0xf3, tails.three],
    [0xf4, 0xf4, tails.afterF4],
  ];
}

/** Reads any string, quotes included. */
export const anyString: Automaton = (() => {
  const builder = new AutomatonBuilder();
  const states = { text: builder.state(), end: builder.state({ accepting: true }) };
  builder.edge(0, states.text, '"');
  addCharacters(builder, states, { escapes: true });
  builder.edge(states.text, states.end, '"');
  return builder.build();
})();

/** Places of `anyString`'s states. */
const [textState, endState] = [1, 2];

/** Lengths of a string in characters. */
export interface StringLengths {
  /** Least. Default 0. */
  readonly min?: number | undefined;
  /** Most. Default any. */
  readonly max?: number | undefined;
}

/** Reads a string of so many Unicode characters. */
export function stringOfLength({ min = 0, max = Infinity }: StringLengths): Automaton {
  return min === 0 && max === Infinity ? anyString : new CountedString(min, max);
}

/** {@link anyString} with a count: its states times the characters that came. */
class CountedString implements Automaton {
  readonly states = Infinity;
  readonly #min: number;
  readonly #max: number;
  readonly #inside: number;

  constructor(min: number, max: number) {
    this.#min = min;
    this.#max = max;
    this.#inside = anyString.states;
  }

  next(state: number, byte: number): number {
    const [count, inside] = this.#split(state);
    const next = anyString.next(inside, byte);
    if (next < 0 || inside !== textState) return next < 0 ? -1 : count * this.#inside + next;
    if (next === endState) return count < this.#min ? -1 : count * this.#inside + next;
    if (count === this.#max) return -1;
    const more = this.#max === Infinity ? Math.min(count + 1, this.#min) : count + 1;
    return more * this.#inside + next;
  }

  accepts(state: number): boolean {
    return this.#split(state)[1] === endState;
  }

  stuck(state: number): boolean {
    return this.accepts(state);
  }

  distance(state: number): number {
    const [count, inside] = this.#split(state);
    return anyString.distance(inside) + (inside === endState ? 0 : Math.max(0, this.#min - count));
  }

  #split(state: number): [count: number, inside: number] {
    return [Math.floor(state / this.#inside), state % this.#inside];
  }
}

const utf8 = new TextEncoder();

/** Reads a string without escapes that is none of some names. */
export function stringOtherThan(names: Iterable<string>): Automaton {
  const builder = new AutomatonBuilder();
  const free = { text: builder.state(), end: builder.state({ accepting: true }) };
  addCharacters(builder, free, { escapes: false });
  builder.edge(free.text, free.end, '"');
  // States that have read the beginning of a name do what the free ones do, but where the name goes on.
  const twins = new Map<number, number>(); // of the free states, by state
  const follow = (state: number, like: number) => {
    twins.set(state, like);
    for (let byte = 0; byte < 256; byte++) {
      const to = builder.target(like, byte);
      if (to >= 0) builder.edge(state, to, [byte, byte]);
    }
    return state;
  };
  const begin = follow(builder.state(), free.text);
  builder.edge(0, begin, '"');
  const whole: number[] = [];
  for (const name of names) {
    let state = begin;
    const bytes = utf8.encode(name);
    const plain = bytes.every((byte) => byte >= 0x20 && byte !== 0x22 && byte !== 0x5c);
    if (!plain) continue; // it could only be spelt with an escape
    for (const byte of bytes) {
      const to = builder.target(state, byte);
      const like = builder.target(twins.get(state)!, byte);
      if (!twins.has(to)) builder.edge(state, follow(builder.state(), like), [byte, byte]);
      state = builder.target(state, byte);
    }
    whole.push(state);
  }
  for (const state of whole) builder.remove(state, 0x22);
  return builder.build();
}
