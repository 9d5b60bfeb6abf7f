/**
 * One linear layer, 512 rows from width 1408 to 512: what the matrix kernel sustains.
 *
 * @module
 */
import { Graph, planGraph, type Storage } from "../../engine.ts";
import { OnnxGraph } from "../onnx_graph.ts";
import { createSession, floats, type Ort } from "../peers/onnxruntime_web.ts";
import { randomFloats } from "../random_weights.ts";
import { raceAndCompare } from "./race.ts";
import { load, type Report, type Runner, type Side, type Sides } from "./side.ts";

const M = 512, K = 1408, N = 512;
const repeats = 4; // one product is too short to time alone
const input = () => randomFloats(M * K, 1);
const weight = () => randomFloats(N * K, 2);

/** Measures GFLOP/s. */
export async function matmul({ ours, ort, rounds }: Sides): Promise<Report> {
  const runners = [...(ort === undefined ? [] : [await peer(ort)]), ...ours.map(runner)];
  const amount = 2 * M * K * N * repeats / 1e9;
  return await raceAndCompare(runners, { work: "matmul 512×1408×512", amount, unit: "GFLOP/s", rounds: rounds * 3 });
}

function runner({ name, backend }: Side): Runner {
  const graph = new Graph();
  const matrix = graph.matrix("weight", [N, K]);
  graph.output("y", graph.linear(graph.input("x", "f32", [M, K]), matrix));
  const storages = new Map<string, Storage>([["weight", backend.alloc(matrix)]]);
  backend.write(storages.get("weight")!, weight());
  const program = load(backend, planGraph(graph), storages);
  program.write("x", input());
  return {
    name,
    async run() {
      for (let i = 0; i < repeats; i++) program.run();
      await program.read("y");
    },
    output: async () => await program.read("y") as Float32Array,
    dispose() {
      program[Symbol.dispose]();
      for (const storage of storages.values()) backend.free(storage);
    },
  };
}

async function peer(ort: Ort): Promise<Runner> {
  const graph = new OnnxGraph();
  const values = weight();
  const transposed = Float32Array.from({ length: K * N }, (_, i) => values[(i % N) * K + Math.floor(i / N)]!);
  const x = graph.input("x", "f32", [M, K]);
  graph.output("y", graph.apply("MatMul", [x, graph.weight("weight", transposed, [K, N])]), [M, N]);
  const session = await createSession(ort, graph.toBytes());
  const feeds = { x: floats(ort, input(), [M, K]) };
  let y = new Float32Array();
  return {
    name: "onnxruntime-web",
    async run() {
      for (let i = 0; i < repeats; i++) y = (await session.run(feeds)).y!.data as Float32Array<ArrayBuffer>;
    },
    output: () => Promise.resolve(y),
    dispose: () => session.release(),
  };
}
