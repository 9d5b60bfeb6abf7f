/**
 * A conformance case: a small graph with the numbers to run it on.
 *
 * @module
 */
import type { HostData } from "../../core/backend.ts";
import { Graph } from "../../core/graph/graph.ts";
import type { KernelName } from "../../core/graph/kernels.ts";
import { elementCount, type Tensor } from "../../core/graph/tensor.ts";
import { uniform } from "../../core/sampling.ts";

/** Something that a backend must compute as the reference does. */
export interface BackendCase {
  /** Symbol, behaviour and tolerance, as the title of a test. */
  readonly title: string;
  /** Largest difference, relative to numbers above 1; integers must be equal. */
  readonly tolerance: number;
  /** How often the program runs; outputs and states are compared after every run. */
  readonly runs: number;
  /** Makes the graph and its numbers afresh. */
  build(): CaseGraph;
}

/** A case about one kernel. */
export interface KernelCase extends BackendCase {
  /** The kernel that it is about. */
  readonly kernel: KernelName;
}

/** Options of {@link kernelCase}. */
export interface CaseOptions {
  /** Largest difference. Default 0: the same bits. */
  readonly tolerance?: number;
  /** Number of runs. Default 1. */
  readonly runs?: number;
}

/** A case about `kernel`, told apart from its other cases by `label`. */
export function kernelCase(
  { kernel, label, tolerance = 0, runs = 1 }: { readonly kernel: KernelName; readonly label: string } & CaseOptions,
  fill: (c: CaseGraph) => void,
): KernelCase {
  const title = `${kernel}() matches the reference for ${label} ${formatTolerance(tolerance)}`;
  return { kernel, title, tolerance, runs, build: () => build(fill) };
}

/** A case about a whole program. */
export function programCase(
  { title, tolerance = 0, runs = 1 }: { readonly title: string } & CaseOptions,
  fill: (c: CaseGraph) => void,
): BackendCase {
  return { title: `${title} ${formatTolerance(tolerance)}`, tolerance, runs, build: () => build(fill) };
}

function build(fill: (c: CaseGraph) => void): CaseGraph {
  const c = new CaseGraph();
  fill(c);
  return c;
}

function formatTolerance(tolerance: number): string {
  return tolerance === 0 ? "exactly" : `within ${tolerance.toExponential()}`;
}

/** A graph under construction, and the values of its named tensors. */
export class CaseGraph {
  /** The graph. */
  readonly graph: Graph = new Graph();
  /** Values of inputs, parameters and states by name. */
  readonly values: Map<string, HostData> = new Map();

  /** An f32 input; noise unless numbers are given. */
  input(name: string, shape: readonly number[], numbers?: Iterable<number>): Tensor {
    this.values.set(name, floats(name, shape, numbers));
    return this.graph.input(name, "f32", shape);
  }

  /** An i32 input. */
  integers(name: string, shape: readonly number[], numbers: Iterable<number>): Tensor {
    this.values.set(name, Int32Array.from(numbers));
    return this.graph.input(name, "i32", shape);
  }

  /** A parameter in C order; noise unless numbers are given. */
  parameter(name: string, shape: readonly number[], numbers?: Iterable<number>): Tensor {
    this.values.set(name, floats(name, shape, numbers));
    return this.graph.parameter(name, shape);
  }

  /** A weight; noise unless numbers are given. */
  matrix(name: string, shape: readonly number[], numbers?: Iterable<number>): Tensor {
    this.values.set(name, floats(name, shape, numbers));
    return this.graph.matrix(name, shape);
  }

  /** An f32 state; noise unless numbers are given. */
  state(name: string, shape: readonly number[], numbers?: Iterable<number>): Tensor {
    this.values.set(name, floats(name, shape, numbers));
    return this.graph.state(name, "f32", shape);
  }

  /** An f32 state in a parameter's shape and layout, `<kind>.<name>`; noise unless numbers are given. */
  stateLike(parameter: Tensor, kind: string, numbers?: Iterable<number>): Tensor {
    const state = this.graph.stateLike(parameter, kind);
    this.values.set(state.name, floats(state.name, state.shape, numbers));
    return state;
  }

  /** An i32 state. */
  counter(name: string, shape: readonly number[], numbers: Iterable<number>): Tensor {
    this.values.set(name, Int32Array.from(numbers));
    return this.graph.state(name, "i32", shape);
  }

  /** Makes a tensor an output. */
  output(name: string, tensor: Tensor): void {
    this.graph.output(name, tensor);
  }
}

/** `count` numbers from −scale to scale, the same for the same seed. */
export function noise(seed: number | string, count: number, scale: number = 1): Float32Array {
  const stream = typeof seed === "number" ? seed : [...seed].reduce((sum, c) => sum * 31 + c.charCodeAt(0) | 0, 0);
  return Float32Array.from({ length: count }, (_, i) => scale * (2 * uniform(stream, i) - 1));
}

/** `count` whole numbers from `least` up to, not including, `end`. */
export function wholeNumbers(
  seed: number,
  { count, least = 0, end }: { readonly count: number; readonly least?: number; readonly end: number },
): Int32Array {
  return Int32Array.from({ length: count }, (_, i) => least + Math.floor(uniform(seed, i) * (end - least)));
}

function floats(name: string, shape: readonly number[], numbers?: Iterable<number>): Float32Array {
  return numbers === undefined ? noise(name, elementCount(shape)) : Float32Array.from(numbers);
}
