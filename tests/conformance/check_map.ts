/**
 * What encoders and projectors have in common: a stateless map from the numbers of an image to vectors.
 *
 * @module
 */
import type { Backend } from "../../core/backend.ts";
import { Graph } from "../../core/graph/graph.ts";
import { elementCount, type Tensor } from "../../core/graph/tensor.ts";
import { noise } from "./case.ts";
import { compareNumbers } from "./check_backend.ts";
import {
  checkFinite,
  checkNamed,
  checkShape,
  defaultTolerance,
  type PartCheckOptions,
  PartRun,
  refuse,
  runOnce,
  sameNumbers,
} from "./part_run.ts";

/** A map to check. */
export interface GraphMap {
  /** What it is, for messages: `encoder "clip"`. */
  readonly part: string;
  /** Extents of one image's input. */
  readonly input: readonly number[];
  /** Extents of one image's output as declared. */
  readonly output: readonly number[];
  /** Appends it: `[B, …input]` → `[B, …output]`. */
  build(graph: Graph, input: Tensor): Tensor;
}

/**
 * Checks shapes, finite numbers, that the input matters, that runs repeat bit for bit, that images in a batch do not
 * mix, and that a batch of one gives the same as a batch of two.
 *
 * @returns the graph for one image
 * @throws {Error} naming the part and what is wrong
 */
export async function checkMap(map: GraphMap, backend: Backend, options: PartCheckOptions): Promise<Graph> {
  const { part } = map;
  const { tolerance = defaultTolerance } = options;
  const [one, two] = [draw(map, 1), draw(map, 2)];
  using run = new PartRun(backend, options);
  const [single, pair] = [run.load(one), run.load(two)];
  const count = elementCount(map.input);
  const [a, b, c] = ["first image", "second image", "third image"].map((name) => noise(name, count)) as [
    Float32Array,
    Float32Array,
    Float32Array,
  ];
  const both = (x: Float32Array, y: Float32Array) => runOnce(pair, { input: Float32Array.of(...x, ...y) });
  const output = await both(a, b);
  checkFinite(part, output, "its output");
  const half = output.length / 2;
  const [first, second] = [output.slice(0, half), output.slice(half)];
  if (sameNumbers(first, second)) refuse(part, "it gives the same for two images");
  if (!sameNumbers(output, await both(a, b))) refuse(part, "it gives other numbers when run again");
  const beside = (await both(a, c)).slice(0, half);
  compareNumbers(beside, first, { place: `${part} on an image beside another one`, tolerance });
  for (const [expected, image] of [[first, a], [second, b]] as const) {
    const alone = await runOnce(single, { input: image });
    compareNumbers(alone, expected, { place: `${part} on an image alone`, tolerance });
  }
  return one;
}

function draw({ part, input, output, build }: GraphMap, batch: number): Graph {
  const graph = new Graph();
  const tensor = build(graph, graph.input("input", "f32", [batch, ...input]));
  checkShape(part, tensor, { shape: [batch, ...output], what: "its output" });
  checkNamed(part, graph, ["input"]);
  graph.output("output", tensor);
  return graph;
}
