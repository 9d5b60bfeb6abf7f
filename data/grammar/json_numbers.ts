/**
 * Automata for JSON numbers, of at most 15 digits before and after the point, so that every value is exact or finite.
 *
 * @module
 */
import { type Automaton, AutomatonBuilder } from "./automaton.ts";

/** Digits of an integer at most: all of them are safe. */
export const maxDigits = 15;

/** The largest integer that is written. */
export const largestInteger: number = 10 ** maxDigits - 1;

/** States after the digits of an integer. */
function addInteger(builder: AutomatonBuilder): number[] {
  const accepting = { accepting: true };
  const [minus, zero] = [builder.state(), builder.state(accepting)];
  const digits = Array.from({ length: maxDigits }, () => builder.state(accepting));
  builder.edge(0, minus, "-");
  for (const state of [0, minus]) {
    builder.edge(state, zero, "0");
    builder.edge(state, digits[0]!, "123456789");
  }
  follow(builder, digits);
  return [zero, ...digits];
}

/** Leads from each of some states to the next one by a digit. */
function follow(builder: AutomatonBuilder, states: readonly number[]): void {
  for (let i = 0; i + 1 < states.length; i++) builder.edge(states[i]!, states[i + 1]!, "0123456789");
}

/** Reads an integer. */
export const anyInteger: Automaton = (() => {
  const builder = new AutomatonBuilder();
  addInteger(builder);
  return builder.build();
})();

/** Reads a number; its exponent has at most two digits. */
export const anyNumber: Automaton = (() => {
  const builder = new AutomatonBuilder();
  const accepting = { accepting: true };
  const whole = addInteger(builder);
  const fraction = [builder.state(), ...Array.from({ length: maxDigits }, () => builder.state(accepting))];
  const [e, sign, tens, ones] = [builder.state(), builder.state(), builder.state(accepting), builder.state(accepting)];
  for (const state of whole) builder.edge(state, fraction[0]!, ".");
  follow(builder, fraction);
  for (const state of [...whole, ...fraction.slice(1)]) builder.edge(state, e, "eE");
  builder.edge(e, sign, "+-");
  for (const state of [e, sign]) builder.edge(state, tens, "0123456789");
  builder.edge(tens, ones, "0123456789");
  return builder.build();
})();

/** Bounds of an integer, both included. */
export interface IntegerRange {
  /** Smallest, an integer of at most 15 digits. */
  readonly min: number;
  /** Largest, the same. */
  readonly max: number;
}

/** Automata that together read the integers of a range: one for each sign and number of digits; none for no integer. */
export function integersBetween({ min, max }: IntegerRange): Automaton[] {
  return [
    ...digitsBetween("", { min: Math.max(min, 0), max }),
    ...digitsBetween("-", { min: Math.max(1, -max), max: -min }),
  ];
}

/** Automata that together read a sign and the integers of a range, which are 0 or more. */
export function digitsBetween(sign: "" | "-", { min, max }: IntegerRange): Automaton[] {
  const automata: Automaton[] = [];
  for (let digits = 1; digits <= maxDigits; digits++) {
    const first = Math.max(min, digits === 1 ? 0 : 10 ** (digits - 1));
    const last = Math.min(max, 10 ** digits - 1);
    if (first <= last) automata.push(between(sign, String(first), String(last)));
  }
  return automata;
}

/** Digits of a fraction at most where a number has bounds, and of the integer before it: together they are exact. */
const [fractionDigits, digitsBefore] = [6, 9];

/** The largest integer that such a fraction may follow. */
export const largestBeforeFraction: number = 10 ** digitsBefore - 1;

/** Reads a point and digits. */
export const anyFraction: Automaton = fraction({ above: false });

/** Reads a point and digits that are not all 0. */
export const fractionAboveZero: Automaton = fraction({ above: true });

function fraction({ above }: { readonly above: boolean }): Automaton {
  const builder = new AutomatonBuilder();
  const digits = Array.from({ length: fractionDigits + 1 }, (_, i) => builder.state({ accepting: i > 0 }));
  follow(builder, digits);
  const zeros = above ? Array.from({ length: fractionDigits }, () => builder.state()) : [];
  zeros.forEach((state, i) => {
    if (i + 1 < fractionDigits) builder.edge(state, zeros[i + 1]!, "0");
    builder.edge(state, digits[i + 1]!, "123456789");
  });
  builder.edge(0, above ? zeros[0]! : digits[0]!, ".");
  return builder.build();
}

/** Reads a sign and a number between two of as many digits. */
function between(sign: string, low: string, high: string): Automaton {
  const builder = new AutomatonBuilder();
  const start = sign === "" ? 0 : builder.state();
  if (sign !== "") builder.edge(0, start, sign);
  const states = new Map<string, number>([[`0 true true`, start]]);
  const stateAt = (place: number, atLow: boolean, atHigh: boolean) => {
    const key = `${place} ${atLow} ${atHigh}`;
    const known = states.get(key) ?? builder.state({ accepting: place === low.length });
    states.set(key, known);
    return known;
  };
  for (let place = 0; place < low.length; place++) {
    for (const [atLow, atHigh] of [[true, true], [true, false], [false, true], [false, false]] as const) {
      const from = states.get(`${place} ${atLow} ${atHigh}`);
      if (from === undefined) continue;
      const [first, last] = [atLow ? Number(low[place]) : 0, atHigh ? Number(high[place]) : 9];
      for (let digit = first; digit <= last; digit++) {
        const to = stateAt(place + 1, atLow && digit === first, atHigh && digit === last);
        builder.edge(from, to, String(digit));
      }
    }
  }
  return builder.build();
}
