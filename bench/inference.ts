/**
 * `deno task bench`: inference side by side with onnxruntime-web, in one process, taking turns.
 *
 *     deno task bench [--only PATTERN] [--threads 1,2] [--rounds N] [--json FILE] [--alone]
 *
 * `--alone` leaves the peer out.
 *
 * @module
 */
import { parseArgs } from "@std/cli/parse-args";
import { createWasmBackend } from "../engine.ts";
import { formatResults } from "./harness.ts";
import { importOrt, version } from "./peers/onnxruntime_web.ts";
import { clip } from "./workloads/clip.ts";
import { matmul } from "./workloads/matmul.ts";
import { minimind } from "./workloads/minimind.ts";
import type { Report, Side, Sides } from "./workloads/side.ts";
import { start } from "./workloads/start.ts";

const workloads: Record<string, (sides: Sides) => Promise<Report>> = { matmul, minimind, clip, start };

const flags = parseArgs(Deno.args, {
  string: ["only", "threads", "rounds", "json"],
  boolean: ["alone"],
  default: { only: "", threads: "1,2", rounds: "7" },
});

const chosen = Object.entries(workloads).filter(([name]) => name.includes(flags.only));
if (chosen.length === 0) {
  throw new RangeError(`Cannot run "${flags.only}": the benchmarks are ${Object.keys(workloads).join(", ")}`);
}

const ours: Side[] = [];
for (const threads of flags.threads.split(",").map(Number)) {
  const backend = await createWasmBackend({ threads, onNotice: (notice) => console.log(notice) });
  ours.push({ name: `wasm, ${threads} thread${threads === 1 ? "" : "s"}`, backend });
}
const ort = flags.alone ? undefined : await importOrt();
const load = `load ${Deno.loadavg()[0]!.toFixed(1)}`; // not near 0: others are at work, and the numbers suffer
const peer = ort === undefined ? "" : `, onnxruntime-web ${version} on one thread`;
console.log(
  `Deno ${Deno.version.deno}, V8 ${Deno.version.v8}, ${navigator.hardwareConcurrency} cores, ${load}${peer}\n`,
);

const reports: Record<string, Report> = {};
for (const [name, run] of chosen) {
  const report = await run({ ours, ort, rounds: Number(flags.rounds) });
  reports[name] = report;
  if (report.results.length > 0) console.log(formatResults(report.results));
  for (const note of report.notes) console.log(note);
  console.log();
}
if (flags.json !== undefined) await Deno.writeTextFile(flags.json, JSON.stringify(reports, null, 2) + "\n");
for (const { backend } of ours) await backend[Symbol.asyncDispose]();
