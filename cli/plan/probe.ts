/**
 * How fast this machine is at what models do, measured in well under a second.
 *
 * @module
 */
import type { Backend, Program, Storage } from "../../core/backend.ts";
import { elementCount, Graph, planGraph, type Tensor } from "../../core/graph/mod.ts";

/** What was measured. */
export interface MachineSpeed {
  /** Name of the backend. */
  readonly backend: string;
  /** Threads that worked. */
  readonly threads: number;
  /** Floating-point operations per second of a matrix product of many rows. */
  readonly matrixFlops: number;
  /** Floating-point operations per second of attention. */
  readonly attentionFlops: number;
  /** Bytes per second of weights that are read for one row. */
  readonly weightBytes: number;
  /** Seconds that a call takes however little it does: threads meet after each. */
  readonly callSeconds: number;
}

/** Milliseconds given to each measurement, loading aside. */
const patience = 120;

/** Weights of the bandwidth's measurement: more than caches hold. */
const streamed = { matrices: 4, width: 2048 };

/** Measures a backend, best of what fits into a moment: others may be busy on the machine. */
export async function probeMachine(backend: Backend): Promise<MachineSpeed> {
  const product = await measure(backend, (graph) => {
    return graph.linear(graph.input("x", "f32", [196, 768]), graph.matrix("probe.weight", [768, 768]));
  });
  const attention = await measure(backend, (graph) => {
    const [q, k, v] = ["q", "k", "v"].map((name) => graph.input(name, "f32", [1, 196, 12, 64])) as [
      Tensor,
      Tensor,
      Tensor,
    ];
    return graph.attention(q, k, v, { causal: false });
  });
  const { matrices, width } = streamed;
  const stream = await measure(backend, (graph) => {
    let x = graph.input("x", "f32", [1, width]);
    for (let i = 0; i < matrices; i++) x = graph.linear(x, graph.matrix(`probe.stream.${i}`, [width, width]));
    return x;
  });
  const calls = 64;
  const smallest = await measure(backend, (graph) => {
    let x = graph.input("x", "f32", [1, 16]);
    for (let i = 0; i < calls; i++) x = graph.linear(x, graph.matrix("probe.tiny", [16, 16]));
    return x;
  });
  return {
    backend: backend.name,
    threads: backend.capabilities.threads,
    matrixFlops: product.flops / product.seconds,
    attentionFlops: attention.flops / attention.seconds,
    weightBytes: matrices * width * width * 4 / stream.seconds,
    callSeconds: smallest.seconds / calls,
  };
}

/** Runs a graph as often as a moment lets, and takes the shortest run. */
async function measure(
  backend: Backend,
  build: (graph: Graph) => Tensor,
): Promise<{ flops: number; seconds: number }> {
  const graph = new Graph();
  graph.output("y", build(graph));
  const plan = planGraph(graph);
  const storages = new Map<string, Storage>();
  for (const spec of plan.storages.values()) {
    const storage = backend.alloc(spec);
    // Written once: pages that nobody wrote are all the same one, and read too fast.
    if (spec.role === "parameter") backend.write(storage, new Float32Array(elementCount(spec.shape)).fill(0.01));
    storages.set(spec.name, storage);
  }
  try {
    using program = backend.load(plan, storages);
    return { flops: plan.flops, seconds: await shortest(program) };
  } finally {
    for (const storage of storages.values()) backend.free(storage);
  }
}

/** Seconds of the shortest run; reading the output is what waits for a device. */
async function shortest(program: Program): Promise<number> {
  let best = Infinity;
  const end = performance.now() + patience;
  do {
    const start = performance.now();
    program.run();
    await program.read("y");
    best = Math.min(best, performance.now() - start);
  } while (performance.now() < end);
  return best / 1000;
}
