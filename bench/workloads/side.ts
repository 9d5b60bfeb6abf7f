/**
 * Who takes part in a benchmark, and what one gives back.
 *
 * @module
 */
import { allocateMissing, type Backend, type Plan, type Program, type Storage } from "../../engine.ts";
import type { Contender, Result } from "../harness.ts";
import type { Ort } from "../peers/onnxruntime_web.ts";

/** A backend of ours and its name in the tables. */
export interface Side {
  /** Name in the tables. */
  readonly name: string;
  /** The backend. */
  readonly backend: Backend;
}

/** Who takes part. */
export interface Sides {
  /** Ours. */
  readonly ours: readonly Side[];
  /** The peer; absent when only ours are measured. */
  readonly ort?: Ort | undefined;
  /** Timed runs of each contender. */
  readonly rounds: number;
}

/** A contender whose output can be compared. */
export interface Runner extends Contender {
  /** The output of the last run. */
  output(): Promise<Float32Array>;
  /** Frees what it holds. */
  dispose(): Promise<void> | void;
}

/** What a benchmark gives back. */
export interface Report {
  /** Times. */
  readonly results: readonly Result[];
  /** Lines to print below the table, such as differences between outputs. */
  readonly notes: readonly string[];
}

/** Loads a plan, its constants and states added to `storages`. */
export function load(backend: Backend, plan: Plan, storages: Map<string, Storage>): Program {
  allocateMissing(backend, plan, storages);
  return backend.load(plan, storages);
}
