/**
 * All tokens of a vocabulary by their bytes, so that an automaton goes over what tokens share only once.
 *
 * @module
 */
import { ConfigError } from "../../core/errors.ts";
import type { Tokenizer } from "../../core/tokenizer.ts";
import { type Automaton, shortestPaths } from "./automaton.ts";

/** What an automaton reads of the tokens below a node, as far as it reads whole tokens, or is complete within one. */
export interface Reading {
  /** Tokens it reads to their end. */
  readonly ids: readonly number[];
  /** The state after each of them. */
  readonly states: readonly number[];
  /** Nodes with more below them, at which it has read something and may be complete. */
  readonly exits: readonly number[];
}

/** Numbers that readings may hold together before they are forgotten. */
const maxKept = 2 ** 22;

/** The tokens of a vocabulary that spell text; those that steer the model are left out. Nodes are in order of bytes. */
export class TokenTrie {
  /** The root's place. */
  readonly root = 0;
  /** Ids are below this number. */
  readonly vocabulary: number;
  /** By node: its byte, its depth, and the first node that is not below it. */
  readonly #bytes: Uint8Array;
  readonly #depths: Uint16Array;
  readonly #ends: Int32Array;
  /** By node: the first of its tokens' places in `#ids`; those of a node end where the next one's begin. */
  readonly #firsts: Int32Array;
  readonly #ids: Int32Array;
  readonly #depth: number;
  #readings = new WeakMap<Automaton, Map<number, Reading>>();
  #distances = new WeakMap<Automaton, readonly number[]>();
  #kept = 0;

  /**
   * Sorts a vocabulary.
   *
   * @throws {ConfigError} if a byte is no token by itself: then there are texts that it cannot spell
   */
  constructor(tokenizer: Tokenizer) {
    const special = new Set([...tokenizer.addedTokens.values()].filter(({ special }) => special).map(({ id }) => id));
    const tokens = Array.from({ length: tokenizer.vocabulary }, (_, id) => id).flatMap((id) => {
      const bytes = special.has(id) ? undefined : bytesOf(tokenizer, id);
      return bytes === undefined || bytes.length === 0 ? [] : [{ id, bytes }];
    }).sort((a, b) => compare(a.bytes, b.bytes));
    const single = new Set(tokens.flatMap(({ bytes }) => bytes.length === 1 ? [bytes[0]!] : []));
    const missing = Array.from({ length: 256 }, (_, byte) => byte).find((byte) => !single.has(byte));
    if (missing !== undefined) {
      throw new ConfigError(`Cannot constrain answers: the vocabulary has no token for byte ${missing} alone`);
    }
    const [bytes, depths, firsts, ids]: [number[], number[], number[], number[]] = [[0], [0], [0], []];
    let before = new Uint8Array();
    for (const { id, bytes: word } of tokens) {
      let shared = 0;
      while (shared < before.length && shared < word.length && before[shared] === word[shared]) shared++;
      for (let i = shared; i < word.length; i++) {
        bytes.push(word[i]!);
        depths.push(i + 1);
        firsts.push(ids.length);
      }
      ids.push(id);
      before = Uint8Array.from(word);
    }
    firsts.push(ids.length);
    this.vocabulary = tokenizer.vocabulary;
    this.#bytes = Uint8Array.from(bytes);
    this.#depths = Uint16Array.from(depths);
    this.#ends = endsOf(depths);
    this.#firsts = Int32Array.from(firsts);
    this.#ids = Int32Array.from(ids);
    this.#depth = Math.max(...depths);
  }

  /** What an automaton reads below a node, from one of its states on. */
  read(automaton: Automaton, { state, node }: { readonly state: number; readonly node: number }): Reading {
    let known = this.#readings.get(automaton);
    if (known === undefined) this.#readings.set(automaton, known = new Map());
    const key = state * this.#bytes.length + node;
    const found = known.get(key);
    if (found !== undefined) return found;
    const reading = this.#walk(automaton, { state, node });
    this.#kept += 2 * reading.ids.length + reading.exits.length + 8;
    if (this.#kept > maxKept) {
      this.#kept = 0;
      this.#readings = new WeakMap();
    } else known.set(key, reading);
    return reading;
  }

  /**
   * Tokens that complete what an automaton has read, a number that some token always lowers by 1; Infinity if none do.
   * The fewest where its states are few, else as many as bytes.
   */
  distance(automaton: Automaton, state: number): number {
    if (automaton.states > 4096) return automaton.distance(state);
    let known = this.#distances.get(automaton);
    if (known === undefined) {
      const states = Array.from({ length: automaton.states }, (_, state) => state);
      const edges = states.map((state) => [...new Set(this.read(automaton, { state, node: this.root }).states)]);
      this.#distances.set(automaton, known = shortestPaths(states.map((state) => automaton.accepts(state)), edges));
    }
    return known[state]!;
  }

  #walk(automaton: Automaton, { state, node }: { readonly state: number; readonly node: number }): Reading {
    const [ids, states, exits]: [number[], number[], number[]] = [[], [], []];
    const top = this.#depths[node]!;
    const path = new Float64Array(this.#depth + 1); // states by depth
    path[top] = state;
    const end = this.#ends[node]!;
    for (let at = node + 1; at < end;) {
      const depth = this.#depths[at]!;
      const next = automaton.next(path[depth - 1]!, this.#bytes[at]!);
      if (next < 0) {
        at = this.#ends[at]!;
        continue;
      }
      path[depth] = next;
      for (let i = this.#firsts[at]!; i < this.#firsts[at + 1]!; i++) {
        ids.push(this.#ids[i]!);
        states.push(next);
      }
      if (automaton.accepts(next) && this.#ends[at]! > at + 1) exits.push(at);
      at++;
    }
    return { ids, states, exits };
  }
}

function bytesOf(tokenizer: Tokenizer, id: number): Uint8Array | undefined {
  try {
    return tokenizer.bytesOf(id);
  } catch (error) {
    if (error instanceof RangeError) return undefined; // a number between two ids
    throw error;
  }
}

function compare(a: Uint8Array, b: Uint8Array): number {
  const length = Math.min(a.length, b.length);
  for (let i = 0; i < length; i++) if (a[i] !== b[i]) return a[i]! - b[i]!;
  return a.length - b.length;
}

/** For each node the first one after it that is not deeper. */
function endsOf(depths: readonly number[]): Int32Array {
  const ends = new Int32Array(depths.length).fill(depths.length);
  const open: number[] = [];
  depths.forEach((depth, node) => {
    while (open.length > 0 && depths[open.at(-1)!]! >= depth) ends[open.pop()!] = node;
    open.push(node);
  });
  return ends;
}
