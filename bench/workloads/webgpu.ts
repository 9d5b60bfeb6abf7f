/**
 * What is measured on WebGPU: a product, the forward pass of two blocks, a training step.
 *
 * @module
 */
import process from "node:process";
import type { WebGpuBackend } from "../../backends/webgpu/mod.ts";
import { Graph, planGraph, type Storage } from "../../engine.ts";
import { median, race } from "../harness.ts";
import type { Jax } from "../peers/jax_js.ts";
import { randomFloats } from "../random_weights.ts";
import { raceAndCompare } from "./race.ts";
import { clocked, compareLosses, processorTime } from "./training.ts";
import { small } from "./training_case.ts";
import { trainJax } from "./training_jax.ts";
import { trainOurs } from "./training_ours.ts";
import { load, type Report, type Runner } from "./side.ts";
import { blocksJax, blocksOurs, tokens } from "./webgpu_blocks.ts";

/** Who takes part. */
export interface WebGpuSides {
  /** Ours. */
  readonly backend: WebGpuBackend;
  /** The peer on the same adapter; absent when only ours is measured. */
  readonly jax?: Jax | undefined;
  /** Timed runs of each. */
  readonly rounds: number;
}

const N = 512;

/** A product 512×512×512 in GFLOP/s. */
export async function matmul({ backend, jax, rounds }: WebGpuSides): Promise<Report> {
  const runners = [...(jax === undefined ? [] : [matmulJax(jax)]), matmulOurs(backend)];
  return await raceClocked(runners, { work: "matmul 512³", amount: 2 * N ** 3 / 1e9, unit: "GFLOP/s", rounds });
}

/** The forward pass of two blocks 512 wide over 256 tokens. */
export async function forward({ backend, jax, rounds }: WebGpuSides): Promise<Report> {
  const runners = [...(jax === undefined ? [] : [blocksJax(jax)]), blocksOurs(backend)];
  return await raceClocked(runners, { work: "2 blocks", amount: tokens, unit: "tok/s", rounds });
}

/** A training step of two blocks with embedding and head, the first losses compared. */
export async function train({ backend, jax, rounds }: WebGpuSides): Promise<Report> {
  const ours = trainOurs(backend, "webgpu", { given: small });
  const trainers = [...(jax === undefined ? [] : [trainJax(jax, "jax-js webgpu", small)]), ours];
  const notes = await compareLosses(trainers, 1);
  const contenders = trainers.map((trainer) => ({ name: trainer.name, ...clocked(trainer) }));
  const before = { ...backend.counts };
  const results = await race({ work: "train step", amount: small.tokensPerStep, unit: "tok/s", rounds, contenders });
  const each = (name: keyof typeof before) => (backend.counts[name] - before[name]) / (rounds + 2);
  notes.push(
    processorTime(contenders),
    `a step: ${each("submissions")} submissions, ${each("dispatches")} dispatches, ${each("reads")} reads`,
  );
  for (const trainer of trainers) await trainer.dispose();
  return { results, notes };
}

/** A race that also notes what a run takes of all processors together, which others disturb less than the time. */
async function raceClocked(
  runners: readonly Runner[],
  race: { work: string; amount: number; unit: string; rounds: number },
): Promise<Report> {
  const clocks = runners.map((): number[] => []);
  const clocked = runners.map((runner, i): Runner => ({
    ...runner,
    async run() {
      const before = process.cpuUsage();
      await runner.run();
      const { user, system } = process.cpuUsage(before); // microseconds
      clocks[i]!.push((user + system) / 1000);
    },
  }));
  const { results, notes } = await raceAndCompare(clocked, race);
  const times = clocks.map((all) => median(all.slice(2))); // two are not measured
  const shown = runners.map(({ name }, i) =>
    `${times[i]!.toFixed(0)} ms (${name}, ${(times[0]! / times[i]!).toFixed(2)}x)`
  );
  return { results, notes: [...notes, `processor time of a run, median: ${shown.join(", ")}`] };
}

function matmulOurs(backend: WebGpuBackend): Runner {
  const graph = new Graph();
  const matrix = graph.matrix("weight", [N, N]);
  graph.output("y", graph.linear(graph.input("x", "f32", [N, N]), matrix));
  const storages = new Map<string, Storage>([["weight", backend.alloc(matrix)]]);
  backend.write(storages.get("weight")!, randomFloats(N * N, 2));
  const program = load(backend, planGraph(graph), storages);
  program.write("x", randomFloats(N * N, 1));
  const output = async () => await program.read("y") as Float32Array;
  return {
    name: "webgpu",
    async run() {
      program.run();
      await output();
    },
    output,
    dispose() {
      program[Symbol.dispose]();
      for (const storage of storages.values()) backend.free(storage);
    },
  };
}

function matmulJax({ numpy: np, jit }: Jax): Runner {
  const x = np.array(randomFloats(N * N, 1), { shape: [N, N] });
  const weight = np.array(randomFloats(N * N, 2), { shape: [N, N] });
  const apply = jit((a: typeof x, b: typeof x) => np.matmul(a, b.transpose()));
  const output = async () => await apply(x.ref, weight.ref).data();
  return {
    name: "jax-js webgpu",
    async run() {
      await output();
    },
    output,
    dispose() {
      x.dispose();
      weight.dispose();
    },
  };
}
