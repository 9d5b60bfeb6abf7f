/**
 * Runs parts of a model on a backend with weights drawn from their names.
 *
 * @module
 */
import type { Backend, HostData, Program, Storage } from "../../core/backend.ts";
import type { Graph } from "../../core/graph/graph.ts";
import { planGraph } from "../../core/graph/plan.ts";
import { elementCount, formatShape, sameShape, type Tensor } from "../../core/graph/tensor.ts";
import { allocateMissing } from "../../core/weights.ts";
import { noise } from "./case.ts";

/** Options of the checks of parts. */
export interface PartCheckOptions {
  /** Values of a parameter. Default drawn from its name: matrices keep the size of what passes, others are near 1. */
  readonly weights?: ((parameter: Tensor) => Float32Array) | undefined;
  /** Largest difference between two ways to the same numbers, relative to numbers above 1. Default 1e-4. */
  readonly tolerance?: number | undefined;
}

/** The tolerance of {@link PartCheckOptions} when none is given. */
export const defaultTolerance = 1e-4;

/** Programs of one part that share its weights, constants and states. Disposing frees them all. */
export class PartRun implements Disposable {
  readonly #backend: Backend;
  readonly #weights: (parameter: Tensor) => Float32Array;
  readonly #storages = new Map<string, Storage>();
  readonly #programs: Program[] = [];

  /** Takes the backend and, from the options, the weights. */
  constructor(backend: Backend, { weights = drawWeights }: PartCheckOptions) {
    this.#backend = backend;
    this.#weights = weights;
  }

  /** Plans and loads a graph; it finds the storages that graphs before it have left. */
  load(graph: Graph): Program {
    const plan = planGraph(graph);
    for (const [name, tensor] of plan.storages) {
      if (tensor.role !== "parameter" || this.#storages.has(name)) continue;
      const storage = this.#backend.alloc(tensor);
      this.#storages.set(name, storage);
      this.#backend.write(storage, this.#weights(tensor));
    }
    allocateMissing(this.#backend, plan, this.#storages);
    const program = this.#backend.load(plan, this.#storages);
    this.#programs.push(program);
    return program;
  }

  /** Sets a state. */
  set(name: string, values: HostData): void {
    this.#backend.write(this.#storages.get(name)!, values);
  }

  /** Frees programs and storages. */
  [Symbol.dispose](): void {
    for (const program of this.#programs) program[Symbol.dispose]();
    for (const storage of this.#storages.values()) this.#backend.free(storage);
  }
}

/** Writes the inputs of a program, runs it and reads an output, `output` by default. */
export async function runOnce(
  program: Program,
  inputs: Readonly<Record<string, HostData>>,
  output: string = "output",
): Promise<Float32Array> {
  for (const [name, data] of Object.entries(inputs)) program.write(name, data);
  program.run();
  return await program.read(output) as Float32Array;
}

/** Throws an error that names the part. */
export function refuse(part: string, problem: string): never {
  throw new Error(`Cannot accept ${part}: ${problem}`);
}

/** Refuses a part whose tensor has another type or shape than it declares. */
export function checkShape(
  part: string,
  tensor: Tensor,
  { shape, what }: { readonly shape: readonly number[]; readonly what: string },
): void {
  if (tensor.dtype === "f32" && tensor.layout === "rows" && sameShape(tensor.shape, shape)) return;
  refuse(part, `${what} is ${tensor.dtype} ${formatShape(tensor.shape)}, expected f32 ${formatShape(shape)}`);
}

/** Refuses a part that gives something else than finite numbers. */
export function checkFinite(part: string, numbers: Float32Array, what: string): void {
  const at = numbers.findIndex((value) => !Number.isFinite(value));
  if (at >= 0) refuse(part, `${what} has ${numbers[at]} at index ${at}`);
}

/** Refuses a part whose sizes are no whole numbers above 0. */
export function checkSizes(part: string, sizes: Readonly<Record<string, number>>): void {
  for (const [name, size] of Object.entries(sizes)) {
    if (!Number.isInteger(size) || size < 1) refuse(part, `${name} is ${size}, expected a whole number above 0`);
  }
}

/** Refuses parts that leave something behind in a graph that is not theirs to leave. */
export function checkNamed(part: string, graph: Graph, allowed: readonly string[]): void {
  for (const [name, { role }] of graph.named) {
    if (role === "parameter" || role === "constant" || allowed.includes(name)) continue;
    refuse(part, `it adds ${role} "${name}" to the graph`);
  }
}

/** Refuses a part that asks for the tensors it uses to be ignored. */
export function checkIgnores(part: string, graph: Graph, ignores: readonly RegExp[]): void {
  for (const [name, { role }] of graph.named) {
    const pattern = ignores.find((pattern) => pattern.test(name));
    if (role === "parameter" && pattern !== undefined) refuse(part, `it uses "${name}" and ignores ${pattern}`);
  }
}

/** Whether two lists hold the same numbers, bit for bit or nearly. */
export function sameNumbers(a: Float32Array, b: Float32Array): boolean {
  return a.length === b.length && a.every((value, i) => Object.is(value, b[i]) || value === b[i]);
}

function drawWeights({ name, shape, layout }: Tensor): Float32Array {
  const count = elementCount(shape);
  if (layout === "matrix") return noise(name, count, Math.sqrt(3 * shape[0]! / count));
  return noise(name, count, 0.3).map((value) => value + 1);
}
