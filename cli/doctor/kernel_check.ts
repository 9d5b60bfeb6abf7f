/**
 * Whether a backend computes what the reference computes: one small program of the kernels that models live on.
 *
 * @module
 */
import { createReferenceBackend } from "../../backends/reference/mod.ts";
import type { Backend, Storage } from "../../core/backend.ts";
import { elementCount, Graph, type Plan, planGraph, type Tensor } from "../../core/graph/mod.ts";
import { uniform } from "../../core/sampling.ts";

/** What came out. */
export interface SelfTest {
  /** Kernels that ran. */
  readonly kernels: readonly string[];
  /** Largest difference from the reference. */
  readonly difference: number;
  /** Whether it is small enough. */
  readonly passed: boolean;
  /** Milliseconds on the backend, loading included. */
  readonly milliseconds: number;
}

/** Largest difference that rounding may make. */
const tolerance = 1e-4;

/** Runs the program on a backend and on the reference. */
export async function testBackend(backend: Backend): Promise<SelfTest> {
  const plan = planGraph(buildProgram());
  const start = performance.now();
  const actual = await runOn(backend, plan);
  const milliseconds = performance.now() - start;
  await using reference = createReferenceBackend();
  const expected = await runOn(reference, plan);
  let difference = expected.length === actual.length && expected.length > 0 ? 0 : Infinity;
  for (let i = 0; i < expected.length; i++) {
    const each = Math.abs(expected[i]! - actual[i]!);
    if (!(each <= difference)) difference = Number.isNaN(each) ? Infinity : each;
  }
  const kernels = [...new Set(plan.calls.map(({ kernel }) => kernel))];
  return { kernels, difference, passed: difference <= tolerance, milliseconds };
}

/** A block of a decoder and one of an encoder, at odd sizes. */
function buildProgram(): Graph {
  const graph = new Graph();
  const [T, D, H, G, C, F, V] = [7, 36, 6, 2, 6, 52, 41] as const;
  const matrix = (name: string, out: number, width: number) => graph.matrix(name, [out, width]);
  const ids = graph.input("ids", "i32", [1, T]);
  let x = graph.embedding(ids, matrix("embedding", V, D)); // [B,T,D]
  const normed = graph.rmsNorm(x, graph.parameter("norm", [D]), 1e-6);
  const heads = (name: string, count: number) =>
    graph.reshape(graph.linear(normed, matrix(name, count * C, D)), [1, T, count, C]);
  const angles = Float32Array.from({ length: T * C / 2 }, (_, i) => i / 10);
  const cos = graph.constant("cos", angles.map(Math.cos), [T, C / 2]);
  const sin = graph.constant("sin", angles.map(Math.sin), [T, C / 2]);
  const [q, k] = [graph.rope(heads("q", H), cos, sin), graph.rope(heads("k", G), cos, sin)];
  const attended = graph.attention(q, k, heads("v", G), { causal: true });
  x = graph.add(x, graph.linear(graph.reshape(attended, [1, T, D]), matrix("o", D, D)));
  const gated = graph.swiglu(graph.linear(x, matrix("gate", F, D)), graph.linear(x, matrix("up", F, D)));
  x = graph.add(x, graph.linear(gated, matrix("down", D, F)));
  const layer = graph.layerNorm(x, graph.parameter("weight", [D]), graph.parameter("bias", [D]), 1e-5);
  const hidden = graph.gelu(graph.linear(layer, matrix("fc1", F, D), graph.parameter("fc1.bias", [F])), "quick");
  x = graph.add(x, graph.linear(hidden, matrix("fc2", D, F)));
  graph.output("logits", graph.linear(x, matrix("embedding", V, D)));
  return graph;
}

async function runOn(backend: Backend, plan: Plan): Promise<Float32Array> {
  const storages = new Map<string, Storage>();
  for (const tensor of plan.storages.values()) {
    const storage = backend.alloc(tensor);
    backend.write(storage, plan.constants.get(tensor.name) ?? valuesOf(tensor));
    storages.set(tensor.name, storage);
  }
  using program = backend.load(plan, storages);
  const { shape } = plan.inputs.get("ids")!;
  program.write("ids", Int32Array.from({ length: elementCount(shape) }, (_, i) => (i * 17) % 41));
  program.run();
  return await program.read("logits") as Float32Array;
}

function valuesOf({ id, shape, layout }: Tensor): Float32Array {
  const spread = layout === "matrix" ? 2 / Math.sqrt(elementCount(shape.slice(1))) : 1;
  return Float32Array.from({ length: elementCount(shape) }, (_, i) => spread * (uniform(id, i) - 0.5));
}
