/**
 * Whether a device computes right: a matrix product, of halves too, and a softmax of which the numbers are known.
 *
 * @module
 */
import type { Backend } from "../../core/backend.ts";
import { Graph } from "../../core/graph/graph.ts";
import { planGraph } from "../../core/graph/plan.ts";

/** More than f16 holds: a device must make infinity of it, or a loss scale is never seen to be too large. */
const beyond = 1e5;

/** Rows of the product, so many that the kernel for many rows is taken. */
const ROWS = 5;

/** softmax(0, ln 2, ln 3) is 1/6, 2/6, 3/6. */
const logits = [0, Math.LN2, Math.log(3)];

/** Options of {@link findFault}. */
export interface FaultOptions {
  /** Type that the matrix is held in and the product computed in. Default `f32`. */
  readonly type?: "f32" | "f16" | undefined;
}

/** Why a backend, or its f16, must not be used; undefined when its numbers are right. */
export async function findFault(
  backend: Backend,
  { type = "f32" }: FaultOptions = {},
): Promise<string | undefined> {
  const graph = new Graph();
  const x = graph.input("x", "f32", [ROWS, 4]);
  graph.output("product", graph.linear(x, graph.matrix("weight", [2, 4]), graph.parameter("bias", [2])));
  const { scores } = graph.route(graph.input("logits", "f32", [1, 3]), { k: 1, normalise: false });
  graph.output("softmax", scores);
  const plan = planGraph(graph, { products: type });
  const storages = new Map([...plan.storages].map(([name, tensor]) => [
    name,
    backend.alloc(tensor.layout === "matrix" ? { ...tensor, dtype: type } : tensor),
  ]));
  try {
    backend.write(storages.get("weight")!, Float32Array.of(1, 2, 3, 4, -1, 0, 1, 0));
    backend.write(storages.get("bias")!, Float32Array.of(0.5, -0.5));
    using program = backend.load(plan, storages);
    program.write("x", Float32Array.from({ length: ROWS * 4 }, (_, i) => Math.floor(i / 4) + i % 4));
    program.write("logits", Float32Array.from(logits));
    program.run();
    const product = await program.read("product"), softmax = await program.read("softmax");
    // Row r of x is r, r + 1, r + 2, r + 3.
    const products = Array.from({ length: ROWS }, (_, r) => [10 * r + 20.5, 1.5]).flat();
    const kind = type === "f16" ? "f16 matrix product" : "matrix product";
    const fault = compare(kind, product, products) ?? compare("softmax", softmax, [1 / 6, 2 / 6, 3 / 6]);
    if (fault !== undefined || type === "f32") return fault;
    program.write("x", new Float32Array(ROWS * 4).fill(beyond));
    program.run();
    const [large] = await program.read("product");
    return Number.isFinite(large) ? `its f16 matrix product gives ${large} where infinity is right` : undefined;
  } finally {
    for (const storage of storages.values()) backend.free(storage);
  }
}

function compare(what: string, got: ArrayLike<number>, expected: readonly number[]): string | undefined {
  const at = expected.findIndex((value, i) => !(Math.abs(got[i]! - value) <= 1e-5 * Math.max(1, Math.abs(value))));
  return at < 0 ? undefined : `its ${what} gives ${got[at]} where ${expected[at]} is right`;
}
