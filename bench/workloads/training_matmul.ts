/**
 * The machine's matmul rate as our kernel reaches it, to take turns with training steps so that noise hits both alike.
 *
 * @module
 */
import { type Backend, Graph, planGraph, type Storage } from "../../engine.ts";
import { randomFloats } from "../random_weights.ts";
import type { Runner } from "./side.ts";

const M = 512, K = 1408, N = 512;
const repeats = 40; // about as long as a third of a step, so that a moment of quiet does not pass for the rate

/** GFLOP of one run. */
export const matmulGigaflops = 2 * M * K * N * repeats / 1e9;

/** Products 512×1408×512, one after the other. */
export function matmulRunner(backend: Backend): Runner {
  const graph = new Graph();
  const matrix = graph.matrix("weight", [N, K]);
  graph.output("y", graph.linear(graph.input("x", "f32", [M, K]), matrix));
  const storage: Storage = backend.alloc(matrix);
  backend.write(storage, randomFloats(N * K, 2));
  const program = backend.load(planGraph(graph), new Map([["weight", storage]]));
  program.write("x", randomFloats(M * K, 1));
  const output = async () => await program.read("y") as Float32Array;
  return {
    name: "matmul",
    async run() {
      for (let i = 0; i < repeats; i++) program.run();
      await output();
    },
    output,
    dispose() {
      program[Symbol.dispose]();
      backend.free(storage);
    },
  };
}
