/**
 * Peak memory of training, each contender in a process of its own.
 *
 * Run as a program it is that process: `training_memory.ts ours|jax THREADS` trains a few steps and prints the peak.
 *
 * @module
 */
import { createWasmBackend } from "../../engine.ts";
import { importJax } from "../peers/jax_js.ts";
import type { TrainingReport, TrainingSides } from "./training.ts";
import type { Trainer } from "./training_case.ts";
import { trainJax } from "./training_jax.ts";
import { trainOurs } from "./training_ours.ts";

const steps = 4;

/** Measures the peak resident set of whole processes, runtime included, in megabytes (10⁶ bytes). */
export async function memory({ side, jax }: TrainingSides): Promise<TrainingReport> {
  const ours = await peakInChild("ours", side.backend.capabilities.threads);
  const notes = [`peak memory: ${ours.toFixed(0)} MB (${side.name})`];
  if (jax === undefined) return { results: [], notes, figures: { peakMegabytes: ours } };
  const peer = await peakInChild("jax", side.backend.capabilities.threads);
  notes.push(`peak memory: ${peer.toFixed(0)} MB (jax-js wasm), ours is ${(ours / peer).toFixed(2)} of it`);
  return { results: [], notes, figures: { peakMegabytes: ours, jaxPeakMegabytes: peer } };
}

async function peakInChild(who: "ours" | "jax", threads: number): Promise<number> {
  const args = ["run", "--no-lock", "--quiet", "--allow-all", import.meta.url, who, String(threads)];
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), { args }).output();
  const decoder = new TextDecoder();
  if (!success) throw new Error(`Cannot measure "${who}": the process failed with ${decoder.decode(stderr)}`);
  return Number(decoder.decode(stdout));
}

/** The largest resident set so far, in megabytes, as Linux counts it. */
function peakMegabytes(): number {
  const kibibytes = /^VmHWM:\s*(\d+) kB$/m.exec(Deno.readTextFileSync("/proc/self/status"))?.[1];
  if (kibibytes === undefined) throw new Error('Cannot measure "memory": /proc/self/status has no VmHWM');
  return Number(kibibytes) * 1024 / 1e6;
}

async function trainerOf(who: string, threads: number): Promise<Trainer> {
  if (who === "jax") return trainJax(await importJax(), who);
  return trainOurs(await createWasmBackend({ threads }), who);
}

if (import.meta.main) {
  const [who = "ours", threads = "2"] = Deno.args;
  const trainer = await trainerOf(who, Number(threads));
  for (let step = 0; step < steps; step++) await trainer.step();
  console.log(peakMegabytes());
  Deno.exit(); // the peer's workers would keep the process alive
}
