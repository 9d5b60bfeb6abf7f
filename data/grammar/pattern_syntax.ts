/**
 * Reads regular expressions (ECMA-262, what of them is regular) as trees over bytes.
 *
 * @module
 */

/** A regular expression. */
export type Pattern =
  /** One of some bytes. */
  | { readonly bytes: ReadonlySet<number> }
  /** One after the other. */
  | { readonly all: readonly Pattern[] }
  /** One of them. */
  | { readonly any: readonly Pattern[] }
  /** From `min` to `max` times. */
  | { readonly item: Pattern; readonly min: number; readonly max: number };

/** Why an expression cannot be read. */
export class PatternError extends Error {
  /** Name of the class. */
  override name = "PatternError";
}

/** Characters that classes with "all but" and the point stand for: those of ASCII that can be printed. */
const printable: readonly number[] = Array.from({ length: 0x5f }, (_, i) => 0x20 + i);

const digits = codesOf("0123456789");
const letters = codesOf("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

/** Classes that a letter stands for. */
const classes: Readonly<Record<string, readonly number[]>> = {
  d: digits,
  w: [...digits, ...letters, 0x5f],
  s: [0x20],
  D: except(digits),
  W: except([...digits, ...letters, 0x5f]),
  S: except([0x20]),
};

/** Quantifiers of one character. */
const quantifiers: Readonly<Record<string, readonly [min: number, max: number]>> = {
  "*": [0, Infinity],
  "+": [1, Infinity],
  "?": [0, 1],
};

/**
 * Reads an expression. It has to match whole texts: `^` and `$` may stand at its ends and change nothing.
 *
 * @throws {PatternError} for what is not regular, or is no expression
 */
export function parsePattern(source: string): Pattern {
  return new PatternReader(source).read();
}

class PatternReader {
  readonly #source: readonly string[];
  #at = 0;

  constructor(source: string) {
    this.#source = Array.from(source);
  }

  read(): Pattern {
    const pattern = this.#choice();
    if (this.#at < this.#source.length) throw this.#fail(`"${this.#source[this.#at]}" closes nothing`);
    return pattern;
  }

  #fail(problem: string): PatternError {
    return new PatternError(`${problem}, at character ${this.#at} of "${this.#source.join("")}"`);
  }

  #takes(text: string): boolean {
    const found = Array.from(text).every((character, i) => this.#source[this.#at + i] === character);
    if (found) this.#at += Array.from(text).length;
    return found;
  }

  #choice(): Pattern {
    const any = [this.#sequence()];
    while (this.#takes("|")) any.push(this.#sequence());
    return any.length === 1 ? any[0]! : { any };
  }

  #sequence(): Pattern {
    const all: Pattern[] = [];
    for (;;) {
      const next = this.#source[this.#at];
      if (next === undefined || next === "|" || next === ")") return { all };
      if (this.#anchor()) continue;
      all.push(this.#quantified(this.#atom()));
    }
  }

  /** An anchor that changes nothing: `^` before all else, `$` behind. */
  #anchor(): boolean {
    const character = this.#source[this.#at];
    const others = character === "^" ? this.#source.slice(0, this.#at) : this.#source.slice(this.#at + 1);
    if (character !== "^" && character !== "$") return false;
    if (others.some((other) => !(character === "^" ? "(?:|^" : ")|$").includes(other))) {
      throw this.#fail(`"${character}" within an expression is not supported`);
    }
    this.#at++;
    return true;
  }

  #atom(): Pattern {
    const character = this.#source[this.#at]!;
    if (this.#takes("(")) return this.#group();
    if (this.#takes("[")) return this.#class();
    if (this.#takes(".")) return setOf(printable);
    if (this.#takes("\\")) {
      const set = classes[this.#source[this.#at] ?? ""];
      if (set === undefined) return literal(this.#escape());
      this.#at++;
      return setOf(set);
    }
    if ("*+?{}]".includes(character)) throw this.#fail(`"${character}" repeats nothing`);
    this.#at++;
    return literal(character.codePointAt(0)!);
  }

  #group(): Pattern {
    if (this.#takes("?") && !this.#takes(":")) {
      const name = /^<\w+>/.exec(this.#source.slice(this.#at).join(""))?.[0];
      if (name === undefined) throw this.#fail("looking ahead or behind is not supported");
      this.#at += name.length;
    }
    const pattern = this.#choice();
    if (!this.#takes(")")) throw this.#fail("a group has no end");
    return pattern;
  }

  #quantified(item: Pattern): Pattern {
    const character = this.#source[this.#at] ?? "";
    const bounds = /^\{(\d+)(,?)(\d*)\}/.exec(this.#source.slice(this.#at, this.#at + 20).join(""));
    let [min, max] = quantifiers[character] ?? [1, 1];
    if (bounds !== null) {
      [min, max] = [Number(bounds[1]), bounds[2] === "" ? Number(bounds[1]) : Number(bounds[3] || Infinity)];
      if (min > max) throw this.#fail(`from ${min} to ${max} times is no range`);
    } else if (quantifiers[character] === undefined) return item;
    this.#at += bounds?.[0].length ?? 1;
    this.#takes("?"); // whether it prefers few or many
    return { item, min, max };
  }

  #class(): Pattern {
    const except = this.#takes("^");
    const codes = new Set<number>();
    while (!this.#takes("]")) {
      if (this.#at >= this.#source.length) throw this.#fail("a class has no end");
      const set = this.#source[this.#at] === "\\" ? classes[this.#source[this.#at + 1] ?? ""] : undefined;
      if (set !== undefined) {
        this.#at += 2;
        for (const code of set) codes.add(code);
        continue;
      }
      const first = this.#classCode();
      const range = this.#source[this.#at] === "-" && this.#source[this.#at + 1] !== "]";
      if (range) this.#at++;
      const last = range ? this.#classCode() : first;
      if (first > last) throw this.#fail("a range has its ends exchanged");
      for (let code = first; code <= last; code++) codes.add(code);
    }
    return setOf(except ? printable.filter((code) => !codes.has(code)) : [...codes]);
  }

  #classCode(): number {
    const code = this.#takes("\\") ? this.#escape() : this.#source[this.#at++]?.codePointAt(0) ?? 0;
    if (code < 0x20 || code > 0x7e) throw this.#fail("classes of other than printable ASCII are not supported");
    return code;
  }

  /** The character that an escape stands for. */
  #escape(): number {
    const rest = this.#source.slice(this.#at, this.#at + 5).join("");
    const hex = /^(?:u([0-9a-fA-F]{4})|x([0-9a-fA-F]{2}))/.exec(rest);
    if (hex !== null) {
      this.#at += hex[0].length;
      return parseInt(hex[1] ?? hex[2]!, 16);
    }
    const character = this.#source[this.#at];
    if (character === undefined || /[\p{L}\d]/u.test(character)) {
      throw this.#fail(`"\\${character ?? ""}" is not supported`);
    }
    this.#at++;
    return character.codePointAt(0)!;
  }
}

function literal(code: number): Pattern {
  if (code < 0x20 || code === 0x7f || (code >= 0xd800 && code <= 0xdfff)) {
    throw new PatternError(`character ${code} is not supported`);
  }
  const bytes = new TextEncoder().encode(String.fromCodePoint(code));
  return { all: Array.from(bytes, (byte) => setOf([byte])) };
}

function setOf(bytes: readonly number[]): Pattern {
  return { bytes: new Set(bytes) };
}

function codesOf(text: string): number[] {
  return Array.from(text, (character) => character.charCodeAt(0));
}

function except(codes: readonly number[]): number[] {
  return printable.filter((code) => !codes.includes(code));
}
