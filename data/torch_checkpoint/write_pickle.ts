/**
 * Writes the pickle of a state dict, byte for byte as Python's pickler does for `torch.save()`, protocol 2.
 *
 * @module
 */
import { elementCount } from "../../core/graph/tensor.ts";
import type { ElementType } from "../element_types.ts";

/** A tensor and the storage it takes all of. */
export interface StoredTensor {
  /** Element type. */
  readonly dtype: ElementType;
  /** Extents, slowest first; empty for a single number. */
  readonly shape: readonly number[];
  /** Key of its storage, the record `data/<key>`; tensors of one key share it. */
  readonly key: string;
}

/** PyTorch's names of storage classes. */
const classes: Readonly<Record<ElementType, string>> = {
  F64: "DoubleStorage",
  F32: "FloatStorage",
  F16: "HalfStorage",
  BF16: "BFloat16Storage",
  I64: "LongStorage",
  I32: "IntStorage",
  I16: "ShortStorage",
  I8: "CharStorage",
  U8: "ByteStorage",
  BOOL: "BoolStorage",
};

/** Entries that Python's pickler adds to a dict at once. */
const batch = 1000;

/** `OrderedDict` of names and tensors. */
export function pickleTensors(tensors: ReadonlyMap<string, StoredTensor>): Uint8Array<ArrayBuffer> {
  const writer = new PickleWriter();
  writer.emptyOrderedDict();
  const entries = [...tensors];
  for (let start = 0; start < entries.length; start += batch) {
    const some = entries.slice(start, start + batch);
    if (some.length > 1) writer.code("(");
    for (const [name, tensor] of some) {
      writer.text(name);
      writer.tensor(tensor);
    }
    writer.code(some.length > 1 ? "u" : "s");
  }
  return writer.finish();
}

/** Writes opcodes. What Python would write once and refer to afterwards is memoised by a key here. */
class PickleWriter {
  readonly #bytes: number[] = [0x80, 2];
  readonly #memo = new Map<string, number>();
  #memoised = 0;

  /** Opcodes, and texts in ASCII. */
  code(text: string): void {
    for (let i = 0; i < text.length; i++) this.#bytes.push(text.charCodeAt(i));
  }

  emptyOrderedDict(): void {
    this.#global("collections", "OrderedDict");
    this.code(")R");
    this.#memoise();
  }

  text(text: string): void {
    const bytes = new TextEncoder().encode(text);
    this.code("X");
    this.#uint32(bytes.length);
    this.#bytes.push(...bytes);
    this.#memoise();
  }

  /** `_rebuild_tensor_v2(storage, 0, shape, strides, False, OrderedDict())`. */
  tensor({ dtype, shape, key }: StoredTensor): void {
    this.#global("torch._utils", "_rebuild_tensor_v2");
    this.code("((");
    this.#once("storage", () => this.text("storage"));
    this.#global("torch", classes[dtype]);
    this.#once(`key ${key}`, () => this.text(key));
    this.#once("cpu", () => this.text("cpu"));
    this.#integer(elementCount(shape));
    this.code("t");
    this.#memoise();
    this.code("Q");
    this.#integer(0);
    this.#integers(shape);
    this.#integers(contiguousStrides(shape));
    this.code("\x89");
    this.emptyOrderedDict();
    this.code("t");
    this.#memoise();
    this.code("R");
    this.#memoise();
  }

  finish(): Uint8Array<ArrayBuffer> {
    this.code(".");
    return Uint8Array.from(this.#bytes);
  }

  #global(module: string, name: string): void {
    this.#once(`${module} ${name}`, () => {
      this.code(`c${module}\n${name}\n`);
      this.#memoise();
    });
  }

  /** Writes a value that is memoised under the next number, or refers to where it was written before. */
  #once(key: string, write: () => void): void {
    const known = this.#memo.get(key);
    if (known !== undefined) return this.#numbered("h", "j", known);
    this.#memo.set(key, this.#memoised);
    write();
  }

  #memoise(): void {
    this.#numbered("q", "r", this.#memoised++);
  }

  #numbered(short: string, long: string, number: number): void {
    this.code(number < 256 ? short : long);
    if (number < 256) this.#bytes.push(number);
    else this.#uint32(number);
  }

  #integers(values: readonly number[]): void {
    if (values.length === 0) return this.code(")");
    if (values.length > 3) this.code("(");
    for (const value of values) this.#integer(value);
    this.code(["\x85", "\x86", "\x87"][values.length - 1] ?? "t");
    this.#memoise();
  }

  #integer(value: number): void {
    if (value < 2 ** 8) this.#bytes.push(0x4b, value);
    else if (value < 2 ** 16) this.#bytes.push(0x4d, value & 0xff, value >>> 8);
    else if (value < 2 ** 31) {
      this.code("J");
      this.#uint32(value);
    } else this.#long(value);
  }

  /** A signed number of as few bytes as hold it. */
  #long(value: number): void {
    const bytes: number[] = [];
    for (let rest = value; rest > 0; rest = Math.floor(rest / 256)) bytes.push(rest % 256);
    if (bytes.at(-1)! >= 128) bytes.push(0);
    this.#bytes.push(0x8a, bytes.length, ...bytes);
  }

  #uint32(value: number): void {
    this.#bytes.push(value & 0xff, value >>> 8 & 0xff, value >>> 16 & 0xff, value >>> 24);
  }
}

/** Steps between neighbours of a tensor in C order; an extent of 0 counts as 1, as in PyTorch. */
function contiguousStrides(shape: readonly number[]): number[] {
  const strides: number[] = [];
  let step = 1;
  for (const extent of shape.toReversed()) {
    strides.unshift(step);
    step *= Math.max(1, extent);
  }
  return strides;
}
