/**
 * `deno run --no-lock --allow-all bench/training.ts`: a training step side by side with jax-js.
 *
 *     training.ts [--only step|memory|kernels|recompute] [--threads N] [--rounds N] [--json FILE] [--alone]
 *
 * `step` compares losses and races whole steps in one process, taking turns; `memory` measures peaks in processes of
 * their own; `kernels` shows where our time goes, `recompute` what recomputing activations saves and costs. `--alone` leaves the
 * peer out. The peer always uses all cores.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { createWasmBackend } from "../engine.ts";
import { formatResults } from "./harness.ts";
import { importJax, version } from "./peers/jax_js.ts";
import { step, type TrainingReport, type TrainingSides } from "./workloads/training.ts";
import { kernels } from "./workloads/training_kernels.ts";
import { memory } from "./workloads/training_memory.ts";
import { recompute } from "./workloads/training_recompute.ts";

const workloads: Record<string, (sides: TrainingSides) => Promise<TrainingReport>> = {
  step,
  memory,
  kernels,
  recompute,
};

const flags = parseArgs(Deno.args, {
  string: ["only", "threads", "rounds", "json"],
  boolean: ["alone"],
  default: { only: "", threads: "2", rounds: "7" },
});

const chosen = Object.entries(workloads).filter(([name]) => name.includes(flags.only));
if (chosen.length === 0) {
  throw new RangeError(`Cannot run "${flags.only}": the benchmarks are ${Object.keys(workloads).join(", ")}`);
}

const threads = Number(flags.threads);
const backend = await createWasmBackend({ threads, onNotice: (notice) => console.log(notice) });
const side = { name: `wasm, ${threads} thread${threads === 1 ? "" : "s"}`, backend };
const jax = flags.alone ? undefined : await importJax();
const load = `load ${Deno.loadavg()[0]!.toFixed(1)}`; // not near 0: others are at work, and the numbers suffer
const peer = jax === undefined ? "" : `, jax-js ${version}`;
console.log(
  `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${navigator.hardwareConcurrency} cores, ${load}${peer}\n`,
);

const reports: Record<string, TrainingReport> = {};
for (const [name, run] of chosen) {
  const report = await run({ side, jax, rounds: Number(flags.rounds) });
  reports[name] = report;
  if (report.results.length > 0) console.log(formatResults(report.results));
  for (const note of report.notes) console.log(note);
  console.log();
}
if (flags.json !== undefined) await Deno.writeTextFile(flags.json, JSON.stringify(reports, null, 2) + "\n");
await backend[Symbol.asyncDispose]();
Deno.exit(); // the peer's workers would keep the process alive
