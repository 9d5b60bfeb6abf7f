/**
 * Builds ONNX files: nodes, initialisers, inputs and outputs of one graph.
 *
 * @module
 */
import { Message } from "./protobuf.ts";

/** A value of the graph, by its name in the file. */
export type Value = string;

/** Attributes of a node: integers, lists of them, or one float. */
export type Attributes = Readonly<Record<string, number | readonly number[] | { readonly float: number }>>;

/** Extents; a word stands for one that is known only at run time. */
export type Extents = readonly (number | string)[];

/** Element types of the graphs. */
export type ElementType = "f32" | "i64";

const elementTypes: Readonly<Record<ElementType, number>> = { f32: 1, i64: 7 };
const attributeTypes = { float: 1, int: 2, ints: 7 } as const;

/** One ONNX graph; nodes must be added in the order they run. */
export class OnnxGraph {
  readonly #nodes: Message[] = [];
  readonly #initializers: Message[] = [];
  readonly #inputs: Message[] = [];
  readonly #outputs: Message[] = [];
  readonly #constants = new Map<string, Value>();
  #count = 0;

  /** A value the caller gives. */
  input(name: string, type: ElementType, shape: Extents): Value {
    this.#inputs.push(describe(name, type, shape));
    return name;
  }

  /** Lets the caller read an f32 value under a name. */
  output(name: string, value: Value, shape: Extents): void {
    this.#nodes.push(node("Identity", { inputs: [value], outputs: [name], attributes: {} }));
    this.#outputs.push(describe(name, "f32", shape));
  }

  /** Numbers stored in the file. */
  weight(name: string, values: Float32Array, shape: readonly number[]): Value {
    return this.#store(name, shape, { type: "f32", bytes: bytesOf(values) });
  }

  /** One f32 number; asking twice gives the same value. */
  number(value: number): Value {
    return this.#shared(`number ${value}`, (name) => this.weight(name, new Float32Array([value]), []));
  }

  /** A short list of i64 numbers, such as a shape; asking twice gives the same value. */
  integers(...values: number[]): Value {
    const bytes = bytesOf(BigInt64Array.from(values, BigInt));
    return this.#shared(`integers ${values}`, (name) => this.#store(name, [values.length], { type: "i64", bytes }));
  }

  /** A node with one output. */
  apply(operator: string, inputs: readonly Value[], attributes: Attributes = {}): Value {
    return this.applyMany(operator, inputs, { outputs: 1, attributes })[0]!;
  }

  /** A node with several outputs. */
  applyMany(
    operator: string,
    inputs: readonly Value[],
    { outputs, attributes = {} }: { readonly outputs: number; readonly attributes?: Attributes },
  ): Value[] {
    const names = Array.from({ length: outputs }, () => `${operator}.${this.#count++}`);
    this.#nodes.push(node(operator, { inputs, outputs: names, attributes }));
    return names;
  }

  /** The file. */
  toBytes(): Uint8Array {
    const graph = new Message();
    for (const each of this.#nodes) graph.message(1, each);
    graph.text(2, "bench");
    for (const each of this.#initializers) graph.message(5, each);
    for (const each of this.#inputs) graph.message(11, each);
    for (const each of this.#outputs) graph.message(12, each);
    const operators = new Message().text(1, "").int(2, 17);
    return new Message().int(1, 8).message(7, graph).message(8, operators).toBytes();
  }

  #store(
    name: string,
    shape: readonly number[],
    { type, bytes }: { type: ElementType; bytes: Uint8Array },
  ): Value {
    const tensor = new Message();
    for (const extent of shape) tensor.int(1, extent);
    this.#initializers.push(tensor.int(2, elementTypes[type]).text(8, name).bytes(9, bytes));
    return name;
  }

  #shared(key: string, make: (name: string) => Value): Value {
    const known = this.#constants.get(key);
    if (known !== undefined) return known;
    const value = make(`constant.${this.#constants.size}`);
    this.#constants.set(key, value);
    return value;
  }
}

function bytesOf(values: Float32Array | BigInt64Array): Uint8Array {
  return new Uint8Array(values.buffer, values.byteOffset, values.byteLength);
}

function node(
  operator: string,
  { inputs, outputs, attributes }: {
    inputs: readonly Value[];
    outputs: readonly Value[];
    attributes: Attributes;
  },
): Message {
  const message = new Message();
  for (const name of inputs) message.text(1, name);
  for (const name of outputs) message.text(2, name);
  message.text(4, operator);
  for (const [name, value] of Object.entries(attributes)) {
    const attribute = new Message().text(1, name);
    if (typeof value === "number") attribute.int(3, value).int(20, attributeTypes.int);
    else if ("float" in value) attribute.float(2, value.float).int(20, attributeTypes.float);
    else value.reduce((list, each) => list.int(8, each), attribute).int(20, attributeTypes.ints);
    message.message(5, attribute);
  }
  return message;
}

function describe(name: string, type: ElementType, shape: Extents): Message {
  const extents = new Message();
  for (const extent of shape) {
    const dimension = new Message();
    extents.message(1, typeof extent === "number" ? dimension.int(1, extent) : dimension.text(2, extent));
  }
  const tensor = new Message().int(1, elementTypes[type]).message(2, extents);
  return new Message().text(1, name).message(2, new Message().message(1, tensor));
}
