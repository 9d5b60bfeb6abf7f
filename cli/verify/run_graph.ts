/**
 * Runs a graph once over bound weights.
 *
 * @module
 */
import type { Backend, HostData, Storages } from "../../core/backend.ts";
import { type Graph, planGraph } from "../../core/graph/mod.ts";
import { allocateMissing } from "../../core/weights.ts";

/** What a graph runs on. */
export interface RunOptions {
  /** The parameters it needs. */
  readonly weights: Storages;
  /** Values of its inputs, by name. */
  readonly inputs: Readonly<Record<string, HostData>>;
  /** Values that its states start from, by name. Default zeros. */
  readonly states?: Readonly<Record<string, HostData>>;
}

/** Plans, loads and runs a graph once; resolves to its outputs by name. */
export async function runGraph(
  backend: Backend,
  graph: Graph,
  { weights, inputs, states = {} }: RunOptions,
): Promise<Map<string, HostData>> {
  const plan = planGraph(graph);
  const storages = new Map(weights);
  allocateMissing(backend, plan, storages);
  for (const [name, data] of Object.entries(states)) backend.write(storages.get(name)!, data);
  const outputs = new Map<string, HostData>();
  {
    using program = backend.load(plan, storages);
    for (const [name, data] of Object.entries(inputs)) program.write(name, data);
    program.run();
    for (const name of plan.outputs.keys()) outputs.set(name, await program.read(name));
  }
  for (const [name, storage] of storages) if (!weights.has(name)) backend.free(storage);
  return outputs;
}
