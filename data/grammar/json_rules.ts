/**
 * Rules of JSON texts (RFC 8259) with little white space: a space or a line break with its indentation.
 *
 * @module
 */
import { AutomatonBuilder } from "./automaton.ts";
import { anyNumber } from "./json_numbers.ts";
import { anyString } from "./json_strings.ts";
import { choice, optional, read, type Reference, repeat, type Rule, sequence, text } from "./rules.ts";

/** Spaces of an indentation at most. */
const maxIndentation = 16;

/** Nothing, a space, or a line break and an indentation. */
const space: Rule = (() => {
  const builder = new AutomatonBuilder({ accepting: true });
  const [single, first] = [builder.state({ accepting: true }), builder.state({ accepting: true })];
  builder.edge(0, single, " ");
  builder.edge(0, first, "\n");
  for (let i = 0, last = first; i < maxIndentation; i++) {
    const next = builder.state({ accepting: true });
    builder.edge(last, next, " ");
    last = next;
  }
  return read(builder.build());
})();

const comma = sequence(text(","), space);

/** Between a key and its value. */
const colon = sequence(
  text(":"),
  read((() => {
    const builder = new AutomatonBuilder({ accepting: true });
    builder.edge(0, builder.state({ accepting: true }), " ");
    return builder.build();
  })()),
);

/** A value of any kind. */
export const anyValue: Reference = { kind: "reference" };

/** A key and its value. */
export interface Member {
  /** Reads the key, quotes included. */
  readonly key: Rule;
  /** Reads the value. */
  readonly value: Rule;
  /** Whether it has to be there. Default false. */
  readonly required?: boolean | undefined;
}

/** How long a list is. */
export interface ListLengths {
  /** Least. Default 0. */
  readonly min?: number | undefined;
  /** Most. Default any. */
  readonly max?: number | undefined;
}

/** An array of items. */
export function list(item: Rule, { min = 0, max = Infinity }: ListLengths = {}): Rule {
  const items = repeat(item, { separator: sequence(space, comma), min: Math.max(min, 1), max });
  const filled = sequence(text("["), space, items, space, text("]"));
  const empty = text("[]");
  if (max === 0) return empty;
  return min === 0 ? choice(empty, filled) : filled;
}

/** An array of some items, one after the other, and then of others. */
export function tuple(items: readonly Rule[], other: Rule, { min = 0, max = Infinity }: ListLengths): Rule {
  const separator = sequence(space, comma);
  const first = items.flatMap((item, i) => i === 0 ? [item] : [separator, item]);
  const others = sequence(separator, repeat(other, { separator, min: Math.max(min, 1), max }));
  const rest = max === 0 ? [] : [min === 0 ? optional(others) : others];
  return sequence(text("["), space, ...first, ...rest, space, text("]"));
}

/** An object with these members in this order, and then any number of others. */
export function members(all: readonly Member[], others: Member | undefined): Rule {
  const separator = sequence(space, comma);
  const pair = ({ key, value }: Member) => sequence(key, colon, value);
  const more = others && repeat(pair(others), { separator, min: 1 });
  // What may follow where no member was written yet, and where one was.
  let fresh = more === undefined ? sequence() : optional(more);
  let after = more === undefined ? sequence() : optional(sequence(separator, more));
  for (const member of all.toReversed()) {
    const begun = sequence(pair(member), after);
    const next = sequence(separator, begun);
    fresh = member.required === true ? begun : choice(begun, fresh);
    after = member.required === true ? next : choice(next, after);
  }
  return sequence(text("{"), space, fresh, space, text("}"));
}

/** An object with any members. */
export const anyObject: Rule = members([], { key: read(anyString), value: anyValue });

/** An array with any items. */
export const anyArray: Rule = list(anyValue);

anyValue.target = choice(read(anyString), read(anyNumber), text("true", "false", "null"), anyObject, anyArray);
