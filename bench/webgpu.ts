/**
 * `deno run --no-lock --allow-all bench/webgpu.ts`: the WebGPU backend side by side with jax-js on the same adapter.
 *
 *     webgpu.ts [--only matmul|forward|train|decode|generations] [--rounds N] [--alone]
 *
 * `decode` counts what the device is asked for a token, at two lengths of the context, and times tokens one at a time and
 * ahead; `generations` ends with code 1 if a thousand of them leave more on the device than ten. `--alone` leaves the peer
 * out.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { createWebGpuBackend } from "../backends/webgpu/mod.ts";
import { formatResults } from "./harness.ts";
import { importJax, version } from "./peers/jax_js.ts";
import { forward, matmul, train, type WebGpuSides } from "./workloads/webgpu.ts";
import { decode } from "./workloads/webgpu_decode.ts";
import { generations } from "./workloads/webgpu_generations.ts";
import type { Report } from "./workloads/side.ts";

const workloads: Record<string, (sides: WebGpuSides) => Promise<Report>> = {
  matmul,
  forward,
  train,
  decode,
  generations,
};

const flags = parseArgs(Deno.args, {
  string: ["only", "rounds"],
  boolean: ["alone"],
  default: { only: "", rounds: "5" },
});

const chosen = Object.entries(workloads).filter(([name]) => name.includes(flags.only));
if (chosen.length === 0) {
  throw new RangeError(`Cannot run "${flags.only}": the benchmarks are ${Object.keys(workloads).join(", ")}`);
}
const backend = await createWebGpuBackend();
const jax = flags.alone ? undefined : await importJax("webgpu");
const load = `load ${Deno.loadavg()[0]!.toFixed(1)}`; // not near 0: others are at work, and the numbers suffer
console.log(`Deno ${Deno.version.deno}, ${backend.report.description}, ${load}, jax-js ${version}\n`);
for (const [, run] of chosen) {
  const { results, notes } = await run({ backend, jax, rounds: Number(flags.rounds) });
  if (results.length > 0) console.log(formatResults(results));
  for (const note of notes) console.log(note);
  console.log();
}
await backend[Symbol.asyncDispose]();
Deno.exit(); // the peer's workers would keep the process alive
