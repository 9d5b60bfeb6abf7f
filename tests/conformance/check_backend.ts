/**
 * Runs conformance cases on two backends and compares every number.
 *
 * @module
 */
import type { Backend, HostData, Program, Storage } from "../../core/backend.ts";
import { tensorsOf } from "../../core/graph/kernels.ts";
import { type Plan, planGraph } from "../../core/graph/plan.ts";
import { heldAs } from "../../core/weights.ts";
import type { BackendCase, CaseGraph } from "./case.ts";
import type { WorkedExample } from "./worked_examples.ts";

/** Numbers after a run: outputs, and the storages that runs change. */
export type Results = ReadonlyMap<string, HostData>;

/** Options of {@link compareBackends}. */
export interface CompareOptions {
  /** Largest difference instead of the case's own, 0 for the same bits. */
  readonly tolerance?: number;
}

/**
 * Runs a case on a backend and on another that is taken to be right, and returns the largest difference.
 *
 * Differences are relative to numbers above 1. A case that changes no storage must give the same bits when run again.
 *
 * @throws {Error} naming output, index, got and expected where they differ by more than the tolerance
 */
export async function compareBackends(
  test: BackendCase,
  backends: { readonly backend: Backend; readonly reference: Backend } & CompareOptions,
): Promise<number> {
  const { backend, reference, tolerance = test.tolerance } = backends;
  const expected = await runCase(test, reference);
  const got = await runCase(test, backend);
  let largest = 0;
  expected.forEach((results, run) => {
    for (const [name, numbers] of results) {
      const place = `${name} of "${backend.name}" after run ${run + 1} of "${test.title}"`;
      largest = Math.max(largest, compareNumbers(got[run]?.get(name), numbers, { place, tolerance }));
    }
  });
  return largest;
}

/**
 * Runs a case on a backend: what it gave after each run.
 *
 * @throws {Error} if a case that changes no storage gives other bits when run again
 */
export async function runCase(test: BackendCase, backend: Backend): Promise<Results[]> {
  const { graph, values } = test.build();
  const plan = planGraph(graph);
  using loaded = loadCase(plan, { values, backend });
  const results: Results[] = [];
  for (let run = 0; run < test.runs; run++) {
    loaded.program.run();
    results.push(await readAll(plan, { ...loaded, backend }));
  }
  if (changedStorages(plan).length === 0) {
    loaded.program.run();
    for (const [name, again] of await readAll(plan, { ...loaded, backend })) {
      const place = `${name} of "${backend.name}" in a replay of "${test.title}"`;
      compareNumbers(again, results[0]!.get(name)!, { place, tolerance: 0 });
    }
  }
  return results;
}

/** A program with its storages and inputs written. */
export interface LoadedCase extends Disposable {
  /** The program. */
  readonly program: Program;
  /** Its storages by name. */
  readonly storages: ReadonlyMap<string, Storage>;
}

/** Allocates and writes all storages of a plan, loads it and writes its inputs; disposing frees it all. */
export function loadCase(
  plan: Plan,
  { values, backend }: { readonly values: CaseGraph["values"]; readonly backend: Backend },
): LoadedCase {
  const storages = new Map([...plan.storages].map(([name, tensor]) => [name, backend.alloc(heldAs(tensor, backend))]));
  for (const [name, storage] of storages) backend.write(storage, plan.constants.get(name) ?? values.get(name)!);
  const program = backend.load(plan, storages);
  for (const name of plan.inputs.keys()) program.write(name, values.get(name)!);
  return {
    program,
    storages,
    [Symbol.dispose]: () => {
      program[Symbol.dispose]();
      for (const storage of storages.values()) backend.free(storage);
    },
  };
}

async function readAll(
  plan: Plan,
  { program, storages, backend }: Pick<LoadedCase, "program" | "storages"> & { readonly backend: Backend },
): Promise<Results> {
  const results = new Map<string, HostData>();
  for (const name of plan.outputs.keys()) results.set(`output "${name}"`, await program.read(name));
  for (const name of changedStorages(plan)) {
    results.set(`storage "${name}"`, await backend.read(storages.get(name)!));
  }
  return results;
}

/** States, and parameters that a call writes. */
function changedStorages({ calls, storages }: Plan): string[] {
  const written = new Set(calls.flatMap(({ outputs }) => tensorsOf(outputs).map(({ base }) => base)));
  return [...storages].filter(([, tensor]) => tensor.role === "state" || written.has(tensor)).map(([name]) => name);
}

/**
 * Runs a worked example.
 *
 * @throws {Error} naming output, index, got and expected where they differ by more than 1e-6
 */
export async function checkExample({ c, expected }: WorkedExample, backend: Backend): Promise<void> {
  using loaded = loadCase(planGraph(c.graph), { values: c.values, backend });
  loaded.program.run();
  for (const [name, numbers] of Object.entries(expected)) {
    compareNumbers(await loaded.program.read(name), numbers, { place: `output "${name}"`, tolerance: 1e-6 });
  }
}

/**
 * Largest difference of two arrays, relative to numbers above 1.
 *
 * @throws {Error} naming place, index, got and expected where they differ by more than the tolerance
 */
export function compareNumbers(
  got: HostData | undefined,
  expected: HostData,
  { place, tolerance }: { readonly place: string; readonly tolerance: number },
): number {
  if (got?.length !== expected.length || got.constructor !== expected.constructor) {
    throw new Error(`Cannot accept ${place}: it is ${describe(got)}, expected ${describe(expected)}`);
  }
  const limit = expected instanceof Int32Array ? 0 : tolerance;
  let largest = 0;
  for (let i = 0; i < expected.length; i++) {
    const difference = Math.abs(got[i]! - expected[i]!) / Math.max(1, Math.abs(expected[i]!));
    // Written so that NaN fails too.
    if (!(difference <= limit)) {
      throw new Error(`Cannot accept ${place}: ${got[i]} at index ${i}, expected ${expected[i]} within ${limit}`);
    }
    largest = Math.max(largest, difference);
  }
  return largest;
}

function describe(data: HostData | undefined): string {
  return data === undefined ? "missing" : `${data.constructor.name}(${data.length})`;
}
