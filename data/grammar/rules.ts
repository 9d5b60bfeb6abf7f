/**
 * Rules of a grammar: automata, one after the other, one of several, or again and again.
 *
 * @module
 */
import { type Automaton, literals } from "./automaton.ts";

/** A rule; rules may contain themselves, but never without a byte before. */
export type Rule =
  | { readonly kind: "read"; readonly automaton: Automaton }
  | { readonly kind: "sequence"; readonly rules: readonly Rule[] }
  | { readonly kind: "choice"; readonly rules: readonly Rule[] }
  | Repetition
  | Reference;

/** A rule from `min` to `max` times; each time after the first one is `next`. */
export interface Repetition {
  /** Tells it from others. */
  readonly kind: "repetition";
  /** What is repeated. */
  readonly first: Rule;
  /** What comes each time after the first, a separator and the same again. */
  readonly next: Rule;
  /** How often at least. */
  readonly min: number;
  /** How often at most, perhaps Infinity. */
  readonly max: number;
}

/** Stands for a rule that is made later. */
export interface Reference {
  /** Tells it from others. */
  readonly kind: "reference";
  /** The rule; set before the grammar is used. */
  target?: Rule;
}

/** Reads what an automaton does. */
export function read(automaton: Automaton): Rule {
  return { kind: "read", automaton };
}

/** Reads a text. */
export function text(...texts: readonly string[]): Rule {
  return read(literals(texts));
}

/** Reads some rules one after the other. */
export function sequence(...rules: readonly Rule[]): Rule {
  return rules.length === 1 ? rules[0]! : { kind: "sequence", rules };
}

/** Reads one of some rules. */
export function choice(...rules: readonly Rule[]): Rule {
  return rules.length === 1 ? rules[0]! : { kind: "choice", rules };
}

/** Reads a rule or nothing. */
export function optional(rule: Rule): Rule {
  return choice(sequence(), rule);
}

/** How often a rule is repeated, and what stands between. */
export interface RepeatOptions {
  /** Stands between. */
  readonly separator: Rule;
  /** How often at least. Default 0. */
  readonly min?: number | undefined;
  /** How often at most. Default any. */
  readonly max?: number | undefined;
}

/** Reads a rule again and again. */
export function repeat(rule: Rule, { separator, min = 0, max = Infinity }: RepeatOptions): Rule {
  return { kind: "repetition", first: rule, next: sequence(separator, rule), min, max };
}
