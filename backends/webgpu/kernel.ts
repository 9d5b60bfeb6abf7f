/**
 * What a kernel is given and what it makes of it: operands with places in buffers, and dispatches.
 *
 * @module
 */
import type { KernelName, KernelTable } from "../../core/graph/kernels.ts";
import type { Tensor } from "../../core/graph/tensor.ts";

/** Where numbers lie. The arena is a program's own buffer, which exists once all its calls are known. */
export interface Place {
  /** The buffer. */
  readonly buffer: GPUBuffer | "arena";
  /** First byte. */
  readonly offset: number;
}

/** A tensor with a place. A matrix lies in C order like everything else. */
export interface Value {
  /** Extents, slowest first. */
  readonly shape: readonly number[];
  /** Number of elements. */
  readonly count: number;
  /** Type of an element. Only weights are halves. */
  readonly dtype: "f32" | "i32" | "f16";
  /** Where it lies. */
  readonly place: Place;
}

/** The value that stands for an operand: lists stay lists, absent optional ones stay undefined. */
export type ValueOf<Operand> = Operand extends readonly Tensor[] ? readonly Value[]
  : Operand extends Tensor ? Value
  : undefined;

/** The same record with values instead of tensors. */
export type ValuesOf<Fields> = { readonly [Name in keyof Fields]: ValueOf<Fields[Name]> };

/** All that one kernel gets: inputs, outputs and attributes in one record. */
export type Operands<Name extends KernelName> =
  & ValuesOf<KernelTable[Name]["inputs"]>
  & ValuesOf<KernelTable[Name]["outputs"]>
  & Readonly<KernelTable[Name]["attributes"]>;

/** Takes f32 memory for the time of one call; what is in it before is anything. */
export type Scratch = (count: number) => Value;

/** What a kernel may use and know while it makes its dispatches. */
export interface Lowering {
  /** Memory for the time of the call. */
  readonly scratch: Scratch;
  /** Whether the device computes on the processor, where what is held in registers may be much more. */
  readonly software: boolean;
  /** Whether matrix products round both sides to f16. */
  readonly half: boolean;
}

/** How the elements of a binding are seen. */
export type Element = "f32" | "i32" | "u32" | "vec4f" | "f16" | "vec4h";

/** A value as a shader sees it. */
export interface Binding {
  /** What is bound. */
  readonly value: Value;
  /** Its name in the shader, where it is always followed by an index in brackets. */
  readonly name: string;
  /** How its elements are seen. */
  readonly element: Element;
  /** Whether the shader declares it for writing, since it or something else in its buffer is written. */
  readonly writable: boolean;
  /** Whether it is written itself. */
  readonly written: boolean;
}

/** The parts of a shader's text. */
export interface ShaderText {
  /** Fields of the uniform `p`, `name: type`; the last one is `groups`. */
  readonly fields: readonly string[];
  /** Functions and workgroup variables. */
  readonly head: string;
  /** Statements of one thread, which knows `lane`, `group` and `i`. */
  readonly body: string;
  /** Threads of a workgroup. */
  readonly threads: number;
}

/** One step of a program: a shader on buffers. */
export interface Dispatch {
  /** The whole shader; the same text is compiled once. */
  readonly source: string;
  /** What it was made of. */
  readonly text: ShaderText;
  /** What is bound to `@binding(0)` and on. */
  readonly bindings: readonly Binding[];
  /** Numbers of the uniform behind the bindings. */
  readonly parameters: Uint32Array<ArrayBuffer>;
  /** Workgroups in all. */
  readonly count: number;
  /** Dispatches with the same one write different numbers of what they share, whatever lies where. */
  readonly apart?: object | undefined;
  /** Workgroups in each dimension. */
  readonly groups: readonly [number, number, number];
}

/** One function per kernel, so a missing one is a type error. */
export type Kernels = {
  readonly [Name in KernelName]: (operands: Operands<Name>, lowering: Lowering) => readonly Dispatch[];
};

/** Functions of all calls of a kernel that stand in a row. */
export type RunKernels = {
  readonly [Name in KernelName]?: (run: readonly Operands<Name>[], lowering: Lowering) => readonly Dispatch[];
};

/** The last extent of a shape, or one counted from the end with −1, −2, … */
export function extent({ shape }: Value, index: number): number {
  return shape.at(index)!;
}

/** Rows `from` to `from + rows` of a value of two dimensions. */
export function rowsOf(value: Value, { from, rows }: { readonly from: number; readonly rows: number }): Value {
  const width = extent(value, -1);
  const { buffer, offset } = value.place;
  return {
    ...value,
    shape: [rows, width],
    count: rows * width,
    place: { buffer, offset: offset + 4 * from * width },
  };
}
