import { assert, assertEquals } from "@std/assert";
import { Graph } from "../../core/graph/mod.ts";
import { createLinearProjector } from "../../projectors/linear.ts";
import { createMlpProjector } from "../../projectors/mlp.ts";
import { largestDifference, SeededRun, seededValues, seededWeight } from "./seeded_run.ts";

const input = { tokens: 2, width: 3 };
const features = seededValues("features", 6);

function near(a: ArrayLike<number>, b: ArrayLike<number>): void {
  const difference = largestDifference(a, b);
  assert(difference <= 1e-6, `off by ${difference}`);
}

/** weight [4,…] · x + bias, as the projector called `name` would. */
function linear(x: readonly number[], name: string): number[] {
  const weight = seededWeight({ name: `${name}.weight`, shape: [4, x.length], layout: "matrix" });
  const bias = seededWeight({ name: `${name}.bias`, shape: [4], layout: "rows" });
  return [...bias].map((start, o) => x.reduce((sum, value, i) => sum + value * weight[o * x.length + i]!, start));
}

const rows = [[...features.subarray(0, 3)], [...features.subarray(3)]];

Deno.test("createLinearProjector() is one linear layer within 1e-6", async () => {
  const projector = createLinearProjector({ input, width: 4 });
  const graph = new Graph();
  graph.output("y", projector.project(graph, graph.input("features", "f32", [1, 2, 3])));
  const { y } = await new SeededRun().once(graph, { features });
  near(y!, rows.flatMap((row) => linear(row, "vision_proj.vision_proj.0")));
  assertEquals(projector.output, { tokens: 2, width: 4 });
});

/** x·Φ(x), with Φ summed up by Simpson's rule. */
function gelu(x: number): number {
  const steps = 200;
  const density = (t: number) => Math.exp(-t * t / 2) / Math.sqrt(2 * Math.PI);
  let sum = 0;
  for (let i = 0; i <= steps; i++) {
    const factor = i === 0 || i === steps ? 1 : i % 2 === 0 ? 2 : 4;
    sum += factor * density(x * i / steps);
  }
  return x * (0.5 + sum * x / steps / 3);
}

Deno.test("createMlpProjector() norms, then two layers around an exact GELU within 1e-6", async () => {
  const projector = createMlpProjector({ input, width: 4 });
  const graph = new Graph();
  graph.output("y", projector.project(graph, graph.input("features", "f32", [1, 2, 3])));
  const { y } = await new SeededRun().once(graph, { features });
  const name = "vision_proj.mlp";
  const scale = seededWeight({ name: `${name}.0.weight`, shape: [3], layout: "rows" });
  const shift = seededWeight({ name: `${name}.0.bias`, shape: [3], layout: "rows" });
  const expected = rows.flatMap((row) => {
    const mean = row.reduce((sum, value) => sum + value, 0) / 3;
    const variance = row.reduce((sum, value) => sum + (value - mean) ** 2, 0) / 3;
    const normed = row.map((value, i) => (value - mean) / Math.sqrt(variance + 1e-5) * scale[i]! + shift[i]!);
    return linear(linear(normed, `${name}.1`).map(gelu), `${name}.3`);
  });
  near(y!, expected);
  assertEquals(projector.output, { tokens: 2, width: 4 });
});
