/**
 * One worked example: literal numbers in, literal numbers out.
 *
 * @module
 */
import type { HostData } from "../../core/backend.ts";
import { CaseGraph } from "./case.ts";

/** A graph whose outputs are known. */
export interface WorkedExample {
  /** The graph and its numbers. */
  readonly c: CaseGraph;
  /** Outputs by name; floats hold within 1e-6 of numbers up to 1. */
  readonly expected: Readonly<Record<string, HostData>>;
}

/** Numbers of an f32 tensor. */
export function f32(...numbers: number[]): Float32Array {
  return Float32Array.from(numbers);
}

/** Numbers of an i32 tensor. */
export function i32(...numbers: number[]): Int32Array {
  return Int32Array.from(numbers);
}

/** An example whose outputs `fill` tells. */
export function example(fill: (c: CaseGraph) => Record<string, HostData>): WorkedExample {
  const c = new CaseGraph();
  return { expected: fill(c), c };
}
