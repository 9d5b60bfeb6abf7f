/**
 * A pickle machine that executes nothing: it knows the opcodes of plain data and the names of an allow-list.
 *
 * Format: https://github.com/python/cpython/blob/main/Lib/pickletools.py. PyTorch writes protocol 2 by default.
 *
 * @module
 */
import type { WeightError } from "../../core/errors.ts";
import type { ByteCursor } from "./byte_cursor.ts";
import { addEntry, findGlobal } from "./globals.ts";
import { describe, type MakeError, PickleDict, PickleList, PickleTuple, type PickleValue } from "./pickle_values.ts";

/** Resolves what lies outside a pickle, as storages do. */
export type ResolveOutside = (id: PickleValue, error: MakeError) => PickleValue;

/** Options of {@link unpickle}. */
export interface UnpickleOptions {
  /** What a persistent id stands for; without it the pickle may have none. */
  readonly outside?: ResolveOutside | undefined;
}

/** Most opcodes that are run; a state dict has about 35 for each tensor. */
const maxOpcodes = 500_000;

/** Longest module and name of a global. */
const maxName = 256;

/**
 * Runs one pickle from the cursor's place to its end and returns what it built.
 *
 * @throws {WeightError} naming opcode or global and byte, for all that is damaged or not on the lists
 */
export function unpickle(cursor: ByteCursor, { outside }: UnpickleOptions = {}): PickleValue {
  return new Machine(cursor, outside).run();
}

/** One opcode: its name for messages, and what it does to the stack. */
type Opcode = readonly [name: string, run: (machine: Machine, cursor: ByteCursor) => void];

/** Opcodes that are run, by byte. */
const opcodes: ReadonlyMap<number, Opcode> = new Map<number, Opcode>([
  [0x80, ["PROTO", (machine, cursor) => machine.checkProtocol(cursor.uint8())]],
  [0x95, ["FRAME", (_, cursor) => void cursor.uint64()]],
  [0x28, ["MARK", (machine) => machine.mark()]],
  [0x4e, ["NONE", (machine) => machine.push(null)]],
  [0x88, ["NEWTRUE", (machine) => machine.push(true)]],
  [0x89, ["NEWFALSE", (machine) => machine.push(false)]],
  [0x4b, ["BININT1", (machine, cursor) => machine.push(cursor.uint8())]],
  [0x4d, ["BININT2", (machine, cursor) => machine.push(cursor.uint16())]],
  [0x4a, ["BININT", (machine, cursor) => machine.push(cursor.int32())]],
  [0x8a, ["LONG1", (machine, cursor) => machine.push(readLong(cursor.take(cursor.uint8())))]],
  [0x47, ["BINFLOAT", (machine, cursor) => machine.push(cursor.float64())]],
  [0x58, ["BINUNICODE", (machine, cursor) => machine.push(cursor.text(cursor.uint32()))]],
  [0x8c, ["SHORT_BINUNICODE", (machine, cursor) => machine.push(cursor.text(cursor.uint8()))]],
  [0x54, ["BINSTRING", (machine, cursor) => machine.push(cursor.text(cursor.uint32()))]],
  [0x55, ["SHORT_BINSTRING", (machine, cursor) => machine.push(cursor.text(cursor.uint8()))]],
  [0x7d, ["EMPTY_DICT", (machine) => machine.push(new PickleDict())]],
  [0x5d, ["EMPTY_LIST", (machine) => machine.push(new PickleList())]],
  [0x29, ["EMPTY_TUPLE", (machine) => machine.push(new PickleTuple([]))]],
  [0x74, ["TUPLE", (machine) => machine.push(new PickleTuple(machine.popToMark()))]],
  [0x85, ["TUPLE1", (machine) => machine.push(new PickleTuple(machine.popMany(1)))]],
  [0x86, ["TUPLE2", (machine) => machine.push(new PickleTuple(machine.popMany(2)))]],
  [0x87, ["TUPLE3", (machine) => machine.push(new PickleTuple(machine.popMany(3)))]],
  [0x61, ["APPEND", (machine) => machine.append(machine.popMany(1))]],
  [0x65, ["APPENDS", (machine) => machine.append(machine.popToMark())]],
  [0x73, ["SETITEM", (machine) => machine.setItems(machine.popMany(2))]],
  [0x75, ["SETITEMS", (machine) => machine.setItems(machine.popToMark())]],
  [0x71, ["BINPUT", (machine, cursor) => machine.remember(cursor.uint8())]],
  [0x72, ["LONG_BINPUT", (machine, cursor) => machine.remember(cursor.uint32())]],
  [0x94, ["MEMOIZE", (machine) => machine.remember()]],
  [0x68, ["BINGET", (machine, cursor) => machine.recall(cursor.uint8())]],
  [0x6a, ["LONG_BINGET", (machine, cursor) => machine.recall(cursor.uint32())]],
  [0x63, ["GLOBAL", (machine, cursor) => machine.pushGlobal(cursor.line(maxName), cursor.line(maxName))]],
  [0x93, ["STACK_GLOBAL", (machine) => machine.pushGlobal(...machine.popMany(2) as [PickleValue, PickleValue])]],
  [0x52, ["REDUCE", (machine) => machine.reduce()]],
  [0x62, ["BUILD", (machine) => machine.build()]],
  [0x51, ["BINPERSID", (machine) => machine.resolve()]],
]);

const stop = 0x2e;

/** Names of opcodes that make objects, so that a refusal says what was tried. */
const refused: ReadonlyMap<number, string> = new Map([
  [0x69, "INST"],
  [0x6f, "OBJ"],
  [0x81, "NEWOBJ"],
  [0x92, "NEWOBJ_EX"],
  [0x50, "PERSID"],
  [0x82, "EXT1"],
  [0x83, "EXT2"],
  [0x84, "EXT4"],
]);

/** Stack, marks and memo of one run. */
class Machine {
  readonly #cursor: ByteCursor;
  readonly #outside: ResolveOutside | undefined;
  readonly #stack: PickleValue[] = [];
  readonly #marks: number[] = [];
  readonly #memo = new Map<number, PickleValue>();
  #at = 0;
  #name = "";

  constructor(cursor: ByteCursor, outside: ResolveOutside | undefined) {
    this.#cursor = cursor;
    this.#outside = outside;
  }

  run(): PickleValue {
    for (let count = 0; count < maxOpcodes; count++) {
      this.#at = this.#cursor.position;
      const byte = this.#cursor.uint8();
      if (byte === stop) {
        this.#name = "STOP";
        const [value] = this.popMany(1);
        if (this.#stack.length > 0 || this.#marks.length > 0) throw this.error("more than one value is left");
        return value!;
      }
      const opcode = opcodes.get(byte);
      this.#name = opcode?.[0] ?? refused.get(byte) ?? `0x${byte.toString(16).padStart(2, "0")}`;
      if (opcode === undefined) throw this.error("it is not on the list of opcodes that are read");
      opcode[1](this, this.#cursor);
    }
    throw this.error(`there are more than ${maxOpcodes} opcodes`);
  }

  readonly error: MakeError = (problem: string): WeightError =>
    this.#cursor.error(`opcode ${this.#name}: ${problem}`, this.#at);

  checkProtocol(protocol: number): void {
    if (protocol > 5) throw this.error(`protocol ${protocol} is not known`);
  }

  push(value: PickleValue): void {
    this.#stack.push(value);
  }

  mark(): void {
    this.#marks.push(this.#stack.length);
  }

  popMany(count: number): PickleValue[] {
    if (this.#stack.length - count < (this.#marks.at(-1) ?? 0)) throw this.error("the stack is too short");
    return this.#stack.splice(this.#stack.length - count);
  }

  popToMark(): PickleValue[] {
    const start = this.#marks.pop();
    if (start === undefined) throw this.error("there is no mark");
    return this.#stack.splice(start);
  }

  append(items: readonly PickleValue[]): void {
    const list = this.#top();
    if (!(list instanceof PickleList)) throw this.error(`${describe(list)} is not a list`);
    for (const item of items) list.items.push(item);
  }

  setItems(items: readonly PickleValue[]): void {
    const dict = this.#top();
    if (!(dict instanceof PickleDict)) throw this.error(`${describe(dict)} is not a dict`);
    if (items.length % 2 !== 0) throw this.error("a key has no value");
    for (let i = 0; i < items.length; i += 2) addEntry(dict, [items[i]!, items[i + 1]!], this.error);
  }

  remember(index = this.#memo.size): void {
    this.#memo.set(index, this.#top());
  }

  recall(index: number): void {
    const value = this.#memo.get(index);
    if (value === undefined) throw this.error(`nothing is remembered as ${index}`);
    this.push(value);
  }

  pushGlobal(module: PickleValue, name: PickleValue): void {
    if (typeof module !== "string" || typeof name !== "string") throw this.error("the name is not a string");
    const found = findGlobal(module, name);
    if (found === undefined) {
      const shown = JSON.stringify(`${module}.${name}`.slice(0, 2 * maxName));
      throw this.error(`the global ${shown} is not on the list of names a checkpoint may refer to`);
    }
    this.push(found);
  }

  reduce(): void {
    const [called, args] = this.popMany(2) as [PickleValue, PickleValue];
    const build = typeof called === "object" && called !== null && "build" in called ? called.build : undefined;
    if (build === undefined) throw this.error(`${describe(called)} cannot be called`);
    if (!(args instanceof PickleTuple)) throw this.error(`${describe(args)} is not a tuple of arguments`);
    this.push(build(args.items, this.error));
  }

  /** Attributes of an OrderedDict, such as the versions of modules, say nothing about its entries. */
  build(): void {
    const [target, state] = this.popMany(2) as [PickleValue, PickleValue];
    if (!(target instanceof PickleDict) || !(state instanceof PickleDict)) {
      throw this.error(`${describe(target)} takes no state`);
    }
    this.push(target);
  }

  resolve(): void {
    const [id] = this.popMany(1) as [PickleValue];
    if (this.#outside === undefined) throw this.error("nothing may lie outside here");
    this.push(this.#outside(id, this.error));
  }

  #top(): PickleValue {
    const [top] = this.popMany(1) as [PickleValue];
    this.push(top);
    return top;
  }
}

/** A little-endian two's complement number, as a number where that is exact. */
function readLong(bytes: Uint8Array): number | bigint {
  let value = 0n;
  for (let i = bytes.length - 1; i >= 0; i--) value = value << 8n | BigInt(bytes[i]!);
  value = BigInt.asIntN(8 * bytes.length, value);
  const number = Number(value);
  return Number.isSafeInteger(number) ? number : value;
}
