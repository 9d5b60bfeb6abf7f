/**
 * A grammar over tokens: where a text stands in it, which tokens may come next, how many more it needs at least.
 *
 * @module
 */
import type { Automaton } from "./automaton.ts";
import type { Repetition, Rule } from "./rules.ts";
import type { TokenTrie } from "./token_trie.ts";

/** What is left to read after a rule: a place in another one, and what is left after that. */
export interface Frame {
  /** Tells it from others. */
  readonly id: number;
  /** Tokens that it needs at least. */
  readonly need: number;
  /** The rule that is not done. */
  readonly rule: Extract<Rule, { kind: "sequence" | "repetition" }>;
  /** Rules of a sequence, or repetitions, that are done. */
  readonly done: number;
  /** What is left after the rule. */
  readonly rest: Frame | undefined;
}

/** One way to read a text: an automaton in a state, and what is left after it. */
export interface Thread {
  /** Reads. */
  readonly automaton: Automaton;
  /** Where it stands. */
  readonly state: number;
  /** What is left after it. */
  readonly rest: Frame | undefined;
}

/** All ways to read a text. */
export interface Position {
  /** The ways that go on. */
  readonly threads: readonly Thread[];
  /** Whether the text is complete as it is. */
  readonly complete: boolean;
  /** The same for positions that are the same. */
  readonly key: string;
}

/** Positions whose tokens are kept. */
const maxPositions = 512;

/** Frames that are kept. */
const maxFrames = 65_536;

/**
 * Ways to read a text that are followed after a token: of each kind those that need least. To leave others out leaves
 * out texts, where a grammar reads the same ones in many ways, and lets no wrong one in.
 */
const maxThreads = 1024;

/** What `needs` has for a token that must not come. */
export const forbidden = 0xffff;

/** A grammar and the tokens of one vocabulary. */
export class Grammar {
  /** Where a text begins. */
  readonly start: Position;
  /** Tokens of the shortest text at least. */
  readonly need: number;
  readonly #trie: TokenTrie;
  readonly #needs = new Map<Rule, number>();
  readonly #frames = new Map<string, Frame>();
  #framesMade = 0;
  readonly #rules = new Map<Rule, number>();
  readonly #automata = new Map<Automaton, number>();
  readonly #after = new Map<Frame | undefined, Position>();
  readonly #positions = new Map<string, Uint16Array>();

  /** Takes the rule that a whole text has to follow. */
  constructor(rule: Rule, trie: TokenTrie) {
    this.#trie = trie;
    this.#measure(rule);
    this.need = this.#needs.get(rule)!;
    this.start = this.#position((threads) => this.#push(rule, undefined, threads));
  }

  /** Tokens that a text needs at least to be complete; Infinity if it cannot be. */
  needAt({ threads, complete }: Position): number {
    if (complete) return 0;
    return threads.reduce((least, thread) => Math.min(least, this.#needOfThread(thread)), Infinity);
  }

  /**
   * By id the tokens that a text needs at least after it, `[V]`; {@link forbidden} where the id must not come. While a
   * text is not complete, some id lowers what it needs by 1.
   */
  needs(position: Position): Uint16Array {
    const known = this.#positions.get(position.key);
    if (known !== undefined) {
      this.#positions.delete(position.key); // and put back as the one used last
      this.#positions.set(position.key, known);
      return known;
    }
    const needs = new Uint16Array(this.#trie.vocabulary).fill(forbidden);
    for (const thread of position.threads) this.#collect(thread, this.#trie.root, needs);
    this.#positions.set(position.key, needs);
    if (this.#positions.size > maxPositions) this.#positions.delete(this.#positions.keys().next().value!);
    return needs;
  }

  /** Where a text stands after more bytes; nowhere if they must not come. */
  advance(position: Position, bytes: Uint8Array): Position {
    let current = position;
    for (const byte of bytes) {
      const { threads } = current;
      current = this.#position((next) => {
        let complete = false;
        for (const { automaton, state, rest } of threads) {
          const to = automaton.next(state, byte);
          if (to >= 0) complete = this.#add({ automaton, state: to, rest }, next) || complete;
        }
        return complete;
      });
    }
    return current.threads.length > maxThreads ? this.#thin(current) : current;
  }

  #thin({ threads, complete }: Position): Position {
    const groups = new Map<string, Thread[]>(); // that differ only in what is left after them
    for (const thread of threads.toSorted((a, b) => this.#needOfThread(a) - this.#needOfThread(b))) {
      const key = this.#keyOf({ ...thread, rest: undefined });
      const group = groups.get(key);
      if (group === undefined) groups.set(key, [thread]);
      else group.push(thread);
    }
    const share = Math.ceil(maxThreads / groups.size);
    const kept = [...groups.values()].flatMap((group) => group.slice(0, share));
    return this.#position((all) => {
      for (const thread of kept) all.set(this.#keyOf(thread), thread);
      return complete;
    });
  }

  #needOfThread({ automaton, state, rest }: Thread): number {
    return this.#trie.distance(automaton, state) + (rest?.need ?? 0);
  }

  #keyOf({ automaton, state, rest }: Thread): string {
    return `${numberOf(automaton, this.#automata)},${state},${rest?.id ?? ""}`;
  }

  /** Notes for each token below a node what a text needs after it, along one way to read it. */
  #collect({ automaton, state, rest }: Thread, node: number, needs: Uint16Array): void {
    const { ids, states, exits } = this.#trie.read(automaton, { state, node });
    const left = rest?.need ?? 0;
    for (let i = 0; i < ids.length; i++) {
      const need = Math.min(this.#trie.distance(automaton, states[i]!) + left, forbidden);
      if (need < needs[ids[i]!]!) needs[ids[i]!] = need;
    }
    if (exits.length === 0) return;
    const { threads } = this.#afterFrame(rest);
    for (const exit of exits) for (const thread of threads) this.#collect(thread, exit, needs);
  }

  /** The ways to go on when a rule is read. */
  #afterFrame(frame: Frame | undefined): Position {
    const known = this.#after.get(frame);
    if (known !== undefined) return known;
    const position = this.#position((threads) => this.#pop(frame, threads));
    this.#after.set(frame, position);
    return position;
  }

  #position(fill: (threads: Map<string, Thread>) => boolean): Position {
    const threads = new Map<string, Thread>();
    const complete = fill(threads);
    const key = `${[...threads.keys()].sort().join(" ")}${complete ? "." : ""}`;
    return { threads: [...threads.values()], complete, key };
  }

  /** Adds a way to read on, and what may follow at once. Whether the text is complete then. */
  #add(thread: Thread, threads: Map<string, Thread>): boolean {
    const { automaton, state, rest } = thread;
    const key = this.#keyOf(thread);
    if (threads.has(key)) return false; // what it adds was added, and told
    if (!automaton.stuck(state)) threads.set(key, thread);
    return automaton.accepts(state) && this.#pop(rest, threads);
  }

  /** Adds the ways to begin a rule. Whether the text may end at once. */
  #push(rule: Rule, rest: Frame | undefined, threads: Map<string, Thread>): boolean {
    switch (rule.kind) {
      case "read":
        return this.#add({ automaton: rule.automaton, state: 0, rest }, threads);
      case "reference":
        return this.#push(rule.target!, rest, threads);
      case "choice": {
        const complete = rule.rules.map((each) => this.#push(each, rest, threads));
        return complete.includes(true);
      }
      default:
        return this.#enter(rule, { done: 0, rest }, threads);
    }
  }

  /** Adds the ways to go on after a rule. */
  #pop(frame: Frame | undefined, threads: Map<string, Thread>): boolean {
    return frame === undefined || this.#enter(frame.rule, frame, threads);
  }

  /** Adds the ways to go on in a sequence or repetition of which so much is done. */
  #enter(rule: Frame["rule"], { done, rest }: Pick<Frame, "done" | "rest">, threads: Map<string, Thread>): boolean {
    if (rule.kind === "sequence") {
      if (done === rule.rules.length) return this.#pop(rest, threads);
      const last = done + 1 === rule.rules.length;
      return this.#push(rule.rules[done]!, last ? rest : this.#frame(rule, { done: done + 1, rest }), threads);
    }
    const { first, next, min, max } = rule;
    const complete = done >= min && this.#pop(rest, threads);
    if (done === max) return complete;
    const more = max === Infinity ? Math.min(done + 1, Math.max(min, 1)) : done + 1;
    return this.#push(done === 0 ? first : next, this.#frame(rule, { done: more, rest }), threads) || complete;
  }

  #forget(): void {
    for (const known of [this.#frames, this.#after, this.#positions]) known.clear();
  }

  #frame(rule: Frame["rule"], { done, rest }: Pick<Frame, "done" | "rest">): Frame {
    const key = `${numberOf(rule, this.#rules)},${done},${rest?.id ?? ""}`;
    const known = this.#frames.get(key);
    if (known !== undefined) return known;
    const need = this.#needOf(rule, done) + (rest?.need ?? 0);
    const frame = { id: this.#framesMade++, need, rule, done, rest };
    if (this.#frames.size === maxFrames) this.#forget(); // new ones do what forgotten ones did
    this.#frames.set(key, frame);
    return frame;
  }

  /** Tokens that the rest of a rule needs at least. */
  #needOf(rule: Rule, done = 0): number {
    const need = (part: Rule | undefined) => this.#needs.get(part!) ?? Infinity;
    switch (rule.kind) {
      case "read":
        return this.#trie.distance(rule.automaton, 0);
      case "reference":
        return need(rule.target);
      case "choice":
        return Math.min(...rule.rules.map(need));
      case "sequence":
        return rule.rules.slice(done).reduce((sum, part) => sum + need(part), 0);
      case "repetition":
        return repeated(rule, { done, first: need(rule.first), next: need(rule.next) });
    }
  }

  /** Finds what each rule needs: from nothing known on, until nothing falls any more. */
  #measure(rule: Rule): void {
    const all = new Set<Rule>([rule]);
    for (const each of all) for (const part of partsOf(each)) all.add(part);
    const inside = [...all].reverse(); // most parts before what they are part of
    for (let changed = true; changed;) {
      changed = false;
      for (const each of inside) {
        const need = this.#needOf(each);
        if (need === (this.#needs.get(each) ?? Infinity)) continue;
        this.#needs.set(each, need);
        changed = true;
      }
    }
    for (const each of inside) if (!this.#needs.has(each)) this.#needs.set(each, Infinity);
  }
}

function repeated(
  { min }: Repetition,
  { done, first, next }: { readonly done: number; readonly first: number; readonly next: number },
): number {
  const left = Math.max(0, min - done);
  if (left === 0) return 0;
  return done === 0 ? first + (left > 1 ? (left - 1) * next : 0) : left * next;
}

function partsOf(rule: Rule): readonly Rule[] {
  switch (rule.kind) {
    case "read":
      return [];
    case "reference":
      return [rule.target!];
    case "repetition":
      return [rule.first, rule.next];
    default:
      return rule.rules;
  }
}

function numberOf<Key>(key: Key, numbers: Map<Key, number>): number {
  const known = numbers.get(key) ?? numbers.size;
  numbers.set(key, known);
  return known;
}
